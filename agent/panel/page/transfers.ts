/** The transfers under way on a page, how far each is, and a way to call it off. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { html } from './html.ts';
import { bytes } from './parts.ts';
import type { Progress } from './transfer.ts';

interface Row {
  readonly id: number;
  readonly label: string;
  readonly doneBytes: number;
  readonly totalBytes: number;
  cancel(): void;
}

export interface Transfers {
  readonly rows: readonly Row[];
  /** Throws what `work` throws; AbortError when it was called off. */
  track(label: string, work: (progress: Progress, signal: AbortSignal) => Promise<void>): Promise<void>;
}

export const useTransfers = (): Transfers => {
  const [rows, setRows] = useState<readonly Row[]>([]);
  const last = useRef(0);
  const leaving = useRef(new AbortController());
  // Whoever leaves the page calls off what it shows: nothing goes on unseen.
  useEffect(() => () => leaving.current.abort(), []);
  return {
    rows,
    async track(label, work) {
      const id = ++last.current;
      const stop = new AbortController();
      const update = (doneBytes: number, totalBytes: number): void =>
        setRows((all) => all.map((row) => (row.id === id ? { ...row, doneBytes, totalBytes } : row)));
      setRows((all) => [...all, { id, label, doneBytes: 0, totalBytes: 0, cancel: () => stop.abort() }]);
      try {
        await work(update, AbortSignal.any([stop.signal, leaving.current.signal]));
      } finally {
        setRows((all) => all.filter((row) => row.id !== id));
      }
    },
  };
};

export const TransferList = ({ rows }: { readonly rows: readonly Row[] }) =>
  rows.length === 0
    ? null
    : html`<ul class="card transfers">
        ${rows.map(
          ({ id, label, doneBytes, totalBytes, cancel }) => html`<li key=${id}>
            <span class="long">${label}</span>
            <progress max="1" value=${totalBytes > 0 ? doneBytes / totalBytes : undefined} aria-label=${label}></progress>
            <small>${totalBytes > 0 && doneBytes === totalBytes ? 'All sent; the hosts write it to their disks …' : `${bytes(doneBytes)} of ${bytes(totalBytes)}`}</small>
            <button class="quiet" aria-label=${`Cancel ${label}`} onClick=${cancel}>Cancel</button>
          </li>`,
        )}
      </ul>`;
