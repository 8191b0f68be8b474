/** Disk images that servers start from: the list, a new one, away with one. */
import { useState } from 'preact/hooks';
import { fieldsOf, useAct } from './act.ts';
import { call, callJson } from './call.ts';
import { html } from './html.ts';
import { useLive } from './live.ts';
import { bytes, type Column, Problem, Show, State, Table } from './parts.ts';
import { isAdmin, type Session } from './session.ts';
import { upload } from './transfer.ts';
import { TransferList, useTransfers } from './transfers.ts';

const everyMs = 4_000;
const pageRows = 200;

interface Image {
  readonly id: string;
  readonly name: string | null;
  readonly status: string;
  readonly size: number | null;
  readonly disk_format: string | null;
  readonly visibility: string;
  readonly owner: string;
  readonly protected: boolean;
}

const formats: readonly string[] = ['qcow2', 'raw'];
/** By the file's ending, as a first guess that people may change. */
const formatOf = (file: string): string => (/\.(qcow2?|img)$/i.test(file) ? 'qcow2' : 'raw');

interface NewImageProps {
  readonly session: Session;
  readonly changed: () => void;
}

const NewImage = ({ session, changed }: NewImageProps) => {
  const { error, busy, act } = useAct(changed);
  const { rows, track } = useTransfers();
  const [format, setFormat] = useState('qcow2');
  const create = (event: SubmitEvent): void => {
    const field = fieldsOf(event);
    const form = event.currentTarget as HTMLFormElement;
    const file = new FormData(form).get('file') as File;
    const record = {
      name: field('name'),
      disk_format: field('format'),
      container_format: 'bare',
      visibility: field('visibility') || 'private',
    };
    act(() =>
      track(`Uploading ${record.name}`, async (progress, signal) => {
        const { id } = await callJson<Image>(session, 'image', 'POST', '/v2/images', {
          json: record,
          signal,
        });
        changed();
        try {
          const way = { session, api: 'image', path: `/v2/images/${id}/file`, progress, signal } as const;
          await upload(way, file, 'application/octet-stream');
          form.reset();
        } catch (failure) {
          // A record without its bytes is of no use to anyone.
          await call(session, 'image', 'DELETE', `/v2/images/${id}`).catch(() => {});
          throw failure;
        }
      }),
    );
  };
  const picked = (event: Event): void => {
    const [file] = (event.currentTarget as HTMLInputElement).files ?? [];
    if (file) setFormat(formatOf(file.name));
  };
  return html`
    <details class="card">
      <summary>New image</summary>
      <form class="fields" onSubmit=${create}>
        <label>Name <input name="name" required maxlength="255" autocomplete="off" /></label>
        <label class="wide">Disk image file <input type="file" name="file" required onChange=${picked} /></label>
        <label>Format <select name="format" value=${format} onChange=${(event: Event) => setFormat((event.currentTarget as HTMLSelectElement).value)}>
          ${formats.map((name) => html`<option key=${name}>${name}</option>`)}
        </select></label>
        ${isAdmin(session) && html`<label>Seen by <select name="visibility"><option value="private">this project</option><option value="public">everyone</option></select></label>`}
        <button disabled=${busy}>Upload image</button>
      </form>
    </details>
    <${TransferList} rows=${rows} />
    <${Problem} error=${error} />
  `;
};

export const Images = ({ session }: { readonly session: Session }) => {
  const live = useLive(
    async (signal) =>
      (
        await callJson<{ images: Image[] }>(session, 'image', 'GET', '/v2/images', {
          query: { limit: String(pageRows) },
          signal,
        })
      ).images,
    everyMs,
    [session],
  );
  const { error, busy, act } = useAct(live.again);
  const remove = (image: Image): void => {
    if (confirm(`Delete image "${image.name ?? image.id}"?`))
      act(() => call(session, 'image', 'DELETE', `/v2/images/${image.id}`));
  };
  const mayDelete = (image: Image): boolean =>
    !image.protected && (isAdmin(session) || image.owner === session.project.id);
  const columns: readonly Column<Image>[] = [
    { title: 'Image', cell: (image) => html`<strong class="long">${image.name ?? image.id}</strong>` },
    { title: 'Status', kind: 'short', cell: (image) => html`<${State} word=${image.status} />` },
    { title: 'Size', kind: 'number', cell: (image) => (image.size === null ? '–' : bytes(image.size)) },
    { title: 'Format', kind: 'short', cell: (image) => image.disk_format ?? '–' },
    {
      title: 'Seen by',
      kind: 'short',
      cell: (image) => (image.visibility === 'public' ? 'everyone' : 'this project'),
    },
    {
      title: 'Actions',
      kind: 'buttons',
      cell: (image) =>
        mayDelete(image)
          ? html`<button class="quiet danger" disabled=${busy} aria-label=${`Delete ${image.name}`} onClick=${() => remove(image)}>Delete</button>`
          : html`<small>${image.protected ? 'protected' : "another project's"}</small>`,
    },
  ];
  return html`
    <h1>Images</h1>
    <${NewImage} session=${session} changed=${live.again} />
    <${Problem} error=${error} />
    <${Show} live=${live}>
      ${(images: readonly Image[]) => html`
        <${Table} caption=${`Images that ${session.project.name} can use`} rows=${images} columns=${columns} rowKey=${(image: Image) => image.id} empty=${html`<strong>No images yet.</strong> A server starts from a disk image: open “New image” and upload a qcow2 or raw file.`} />
        ${images.length === pageRows && html`<p><small>Only the newest ${pageRows} are shown.</small></p>`}
      `}
    <//>
  `;
};
