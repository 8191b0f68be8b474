/** What is in a container, folder by folder: look, upload, download, delete. */
import { useState } from 'preact/hooks';
import { useAct } from './act.ts';
import { call, callJson } from './call.ts';
import { html } from './html.ts';
import { useLive } from './live.ts';
import { bytes, type Column, Problem, Show, Table, Time } from './parts.ts';
import type { Session } from './session.ts';
import { download, objectPath, upload } from './transfer.ts';
import { TransferList, useTransfers } from './transfers.ts';

const everyMs = 4_000;
/** One page of a listing; the filter narrows it down. */
const pageRows = 500;

type Item =
  | { readonly subdir: string }
  | { readonly name: string; readonly bytes: number; readonly last_modified: string };

interface ObjectsProps {
  readonly session: Session;
  readonly container: string;
  /** Empty, or ends in a slash. */
  readonly folder: string;
}

const hashOf = (container: string, folder: string): string =>
  `#/objects/${encodeURIComponent(container)}${folder && `/${encodeURIComponent(folder)}`}`;

/** Each folder on the way links to itself; the last is where we are. */
const Path = ({ container, folder }: Pick<ObjectsProps, 'container' | 'folder'>) => {
  const parts = folder.split('/').slice(0, -1);
  const steps = [
    { name: container, folder: '' },
    ...parts.map((name, at) => ({ name, folder: `${parts.slice(0, at + 1).join('/')}/` })),
  ];
  return html`<h1><a href="#/objects">Containers</a>${steps.map((step, at) => html` / ${at === steps.length - 1 ? step.name : html`<a href=${hashOf(container, step.folder)}>${step.name}</a>`}`)}</h1>`;
};

export const Objects = ({ session, container, folder }: ObjectsProps) => {
  const [filter, setFilter] = useState('');
  const prefix = folder + filter;
  const live = useLive(
    (signal) =>
      callJson<Item[]>(session, 'object', 'GET', objectPath(session, container), {
        query: { format: 'json', limit: String(pageRows), delimiter: '/', ...(prefix && { prefix }) },
        signal,
      }),
    everyMs,
    [session, container, prefix],
  );
  const { error, beside } = useAct(live.again);
  const { rows: transfers, track } = useTransfers();
  const below = (name: string): string => name.slice(folder.length);
  const way = (name: string) =>
    ({ session, api: 'object', path: objectPath(session, container, name) }) as const;

  // One after the other: the page stays answerable, and the first failure is the one that is shown.
  const send = (files: readonly File[]): void =>
    beside(async () => {
      for (const file of files) {
        await track(`Uploading ${file.name}`, async (progress, signal) => {
          await upload({ ...way(folder + file.name), progress, signal }, file);
        });
        live.again();
      }
    });
  const chosen = (event: Event): void => {
    const input = event.currentTarget as HTMLInputElement;
    send([...(input.files ?? [])]);
    input.value = '';
  };
  const dropped = (event: DragEvent): void => {
    event.preventDefault();
    send([...(event.dataTransfer?.files ?? [])]);
  };
  const save = (name: string): void =>
    beside(() =>
      track(`Downloading ${below(name)}`, (progress, signal) =>
        download({ ...way(name), progress, signal }, name.split('/').at(-1) || name),
      ),
    );
  const remove = (name: string): void => {
    if (confirm(`Delete "${name}"?`)) beside(() => call(session, 'object', 'DELETE', way(name).path));
  };

  const columns: readonly Column<Item>[] = [
    {
      title: 'Name',
      cell: (row) =>
        'subdir' in row
          ? html`<a class="long" href=${hashOf(container, row.subdir)}>${below(row.subdir)}</a>`
          : html`<span class="long">${below(row.name)}</span>`,
    },
    { title: 'Size', kind: 'number', cell: (row) => ('subdir' in row ? '–' : bytes(row.bytes)) },
    {
      title: 'Modified',
      kind: 'medium',
      cell: (row) =>
        // Swift's times are UTC and do not say so.
        'subdir' in row ? 'folder' : html`<${Time} at=${new Date(`${row.last_modified}Z`)} />`,
    },
    {
      title: 'Actions',
      kind: 'buttons',
      cell: (row) =>
        'subdir' in row
          ? ''
          : html`<span class="actions">
              <button class="quiet" aria-label=${`Download ${row.name}`} onClick=${() => save(row.name)}>Download</button>
              <button class="quiet danger" aria-label=${`Delete ${row.name}`} onClick=${() => remove(row.name)}>Delete</button>
            </span>`,
    },
  ];

  return html`
    <${Path} container=${container} folder=${folder} />
    <div class="card fields" onDragOver=${(event: Event) => event.preventDefault()} onDrop=${dropped}>
      <label>Upload files, or drop them here <input type="file" multiple onChange=${chosen} /></label>
      <label>Only names starting with <input type="search" value=${filter} onInput=${(event: InputEvent) => setFilter((event.currentTarget as HTMLInputElement).value)} /></label>
    </div>
    <${TransferList} rows=${transfers} />
    <${Problem} error=${error} />
    <${Show} live=${live}>
      ${(rows: readonly Item[]) => html`
        <${Table} caption=${`Objects in ${container}`} rows=${rows} columns=${columns} rowKey=${(row: Item) => ('subdir' in row ? row.subdir : row.name)} empty=${filter ? 'No name here starts like this.' : html`<strong>Nothing is stored here yet.</strong> Choose files above, or drop them there.`} />
        ${rows.length === pageRows && html`<p><small>Only the first ${pageRows} are shown: narrow them down by the start of their names.</small></p>`}
      `}
    <//>
  `;
};
