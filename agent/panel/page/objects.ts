/** Containers and what is in them: look, upload, download, delete. */
import { useState } from 'preact/hooks';
import { html } from './html.ts';
import { useLive } from './live.ts';
import { bytes, type Column, Problem, Show, Table } from './parts.ts';
import { call, callJson, type Session } from './session.ts';
import { download, objectPath, upload } from './transfer.ts';

const everyMs = 4_000;
/** One page of a listing; the prefix field narrows it down. */
const pageRows = '500';

interface Container {
  readonly name: string;
  readonly count: number;
  readonly bytes: number;
}
type Item =
  | { readonly subdir: string }
  | { readonly name: string; readonly bytes: number; readonly last_modified: string };

const useAct = (again: () => void) => {
  const [error, setError] = useState<Error>();
  const act = async (work: () => Promise<unknown>): Promise<void> => {
    try {
      setError(undefined);
      await work();
    } catch (failure) {
      setError(failure as Error);
    }
    again();
  };
  return { error, act };
};

export const Containers = ({ session }: { readonly session: Session }) => {
  const live = useLive(
    (signal) =>
      callJson<Container[]>(session, 'object', 'GET', objectPath(session), {
        query: { format: 'json', limit: pageRows },
        signal,
      }),
    everyMs,
    [session],
  );
  const { error, act } = useAct(live.again);
  const create = (event: SubmitEvent): void => {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    const name = String(new FormData(form).get('name'));
    void act(() => call(session, 'object', 'PUT', objectPath(session, name)).then(() => form.reset()));
  };
  const columns: readonly Column<Container>[] = [
    {
      title: 'Container',
      cell: (row) => html`<a href=${`#/objects/${encodeURIComponent(row.name)}`}>${row.name}</a>`,
    },
    { title: 'Objects', right: true, cell: (row) => row.count },
    { title: 'Size', right: true, cell: (row) => bytes(row.bytes) },
    {
      title: 'Do',
      cell: (row) =>
        html`<button class="quiet" onClick=${() => act(() => call(session, 'object', 'DELETE', objectPath(session, row.name)))}>Delete</button>`,
    },
  ];
  return html`
    <h1>Containers</h1>
    <form class="inline" onSubmit=${create}>
      <label>New container <input name="name" required maxlength="256" pattern="[^/]+" /></label>
      <button>Create</button>
    </form>
    <${Problem} error=${error} />
    <${Show} live=${live}>
      ${(rows: Container[]) => html`<${Table} caption=${`Containers of ${session.project.name}`} rows=${rows} columns=${columns} rowKey=${(row: Container) => row.name} empty="No containers yet." />`}
    <//>
  `;
};

export const Objects = ({
  session,
  container,
}: {
  readonly session: Session;
  readonly container: string;
}) => {
  const [prefix, setPrefix] = useState('');
  const [uploads, setUploads] = useState<Readonly<Record<string, number>>>({});
  const live = useLive(
    (signal) =>
      callJson<Item[]>(session, 'object', 'GET', objectPath(session, container), {
        query: { format: 'json', limit: pageRows, delimiter: '/', ...(prefix && { prefix }) },
        signal,
      }),
    everyMs,
    [session, container, prefix],
  );
  const { error, act } = useAct(live.again);

  const send = async (file: File): Promise<void> => {
    const name = prefix.slice(0, prefix.lastIndexOf('/') + 1) + file.name;
    try {
      await upload(session, objectPath(session, container, name), file, (share) =>
        setUploads((all) => ({ ...all, [name]: share })),
      );
    } finally {
      setUploads(({ [name]: _, ...others }) => others);
    }
  };
  const chosen = (event: Event): void => {
    const input = event.target as HTMLInputElement;
    const files = [...(input.files ?? [])];
    input.value = '';
    // One after the other: the page stays answerable, and the first failure is the one that is shown.
    void act(async () => {
      for (const file of files) await send(file);
    });
  };

  const columns: readonly Column<Item>[] = [
    {
      title: 'Name',
      cell: (row) =>
        'subdir' in row
          ? html`<button class="link" onClick=${() => setPrefix(row.subdir)}>${row.subdir}</button>`
          : html`<span class="long">${row.name}</span>`,
    },
    { title: 'Size', right: true, cell: (row) => ('subdir' in row ? '' : bytes(row.bytes)) },
    {
      title: 'Modified',
      cell: (row) => ('subdir' in row ? '' : new Date(`${row.last_modified}Z`).toLocaleString()),
    },
    {
      title: 'Do',
      cell: (row) =>
        'subdir' in row
          ? ''
          : html`<span class="actions">
              <button class="quiet" onClick=${() => act(() => download(session, objectPath(session, container, row.name), row.name))}>Download</button>
              <button class="quiet" onClick=${() => confirm(`Delete "${row.name}"?`) && act(() => call(session, 'object', 'DELETE', objectPath(session, container, row.name)))}>Delete</button>
            </span>`,
    },
  ];

  return html`
    <h1><a href="#/objects">Containers</a> / ${container}</h1>
    <div class="inline">
      <label>Upload files <input type="file" multiple onChange=${chosen} /></label>
      <label>Names starting with <input type="search" value=${prefix} onInput=${(event: InputEvent) => setPrefix((event.target as HTMLInputElement).value)} /></label>
    </div>
    ${Object.entries(uploads).map(([name, share]) => html`<p key=${name}>${name} <progress max="1" value=${share} aria-label=${`Upload of ${name}`}></progress></p>`)}
    <${Problem} error=${error} />
    <${Show} live=${live}>
      ${(rows: Item[]) => html`
        <${Table} caption=${`Objects in ${container}`} rows=${rows} columns=${columns} rowKey=${(row: Item) => ('subdir' in row ? row.subdir : row.name)} empty=${prefix ? 'No name starts like this.' : 'Nothing is stored here yet.'} />
        ${rows.length === Number(pageRows) && html`<p class="empty">Only the first ${pageRows} are shown: narrow them down by the start of their names.</p>`}
      `}
    <//>
  `;
};
