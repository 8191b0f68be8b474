/** The containers of a project. */
import { fieldsOf, useAct } from './act.ts';
import { call, callJson } from './call.ts';
import { html } from './html.ts';
import { useLive } from './live.ts';
import { bytes, type Column, Problem, Show, Table } from './parts.ts';
import type { Session } from './session.ts';
import { objectPath } from './transfer.ts';

const everyMs = 4_000;
const pageRows = 1_000;

interface Container {
  readonly name: string;
  readonly count: number;
  readonly bytes: number;
}

export const Containers = ({ session }: { readonly session: Session }) => {
  const live = useLive(
    (signal) =>
      callJson<Container[]>(session, 'object', 'GET', objectPath(session), {
        query: { format: 'json', limit: String(pageRows) },
        signal,
      }),
    everyMs,
    [session],
  );
  const { error, busy, act } = useAct(live.again);
  const create = (event: SubmitEvent): void => {
    const field = fieldsOf(event);
    const form = event.currentTarget as HTMLFormElement;
    act(async () => {
      await call(session, 'object', 'PUT', objectPath(session, field('name')));
      form.reset();
    });
  };
  const columns: readonly Column<Container>[] = [
    {
      title: 'Container',
      cell: (row) =>
        html`<a class="long" href=${`#/objects/${encodeURIComponent(row.name)}`}>${row.name}</a>`,
    },
    { title: 'Objects', kind: 'number', cell: (row) => row.count.toLocaleString() },
    { title: 'Size', kind: 'number', cell: (row) => bytes(row.bytes) },
    {
      title: 'Actions',
      kind: 'buttons',
      cell: (row) =>
        html`<button class="quiet danger" disabled=${busy} aria-label=${`Delete ${row.name}`} onClick=${() =>
          act(() => call(session, 'object', 'DELETE', objectPath(session, row.name)))}>Delete</button>`,
    },
  ];
  return html`
    <h1>Containers</h1>
    <form class="card fields" onSubmit=${create}>
      <label>New container <input name="name" required maxlength="256" pattern="[^/]+" title="Any characters but a slash" autocomplete="off" /></label>
      <button disabled=${busy}>Create</button>
    </form>
    <${Problem} error=${error} />
    <${Show} live=${live}>
      ${(rows: readonly Container[]) => html`
        <${Table} caption=${`Containers of ${session.project.name}`} rows=${rows} columns=${columns} rowKey=${(row: Container) => row.name} empty=${html`<strong>No containers yet.</strong> A container holds objects, which are files: name one above and create it.`} />
        ${rows.length === pageRows && html`<p><small>Only the first ${pageRows} are shown.</small></p>`}
      `}
    <//>
  `;
};
