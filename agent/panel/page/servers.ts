/** The servers of a project, and the way to a new one. */
import { useAct } from './act.ts';
import { callJson } from './call.ts';
import { addressesOf, Power, type Server, taskOf } from './compute.ts';
import { html } from './html.ts';
import { useLive } from './live.ts';
import { NewServer } from './new-server.ts';
import { type Column, Problem, Show, State, Table } from './parts.ts';
import { isAdmin, type Session } from './session.ts';

const everyMs = 2_000;

export const Servers = ({ session }: { readonly session: Session }) => {
  const live = useLive(
    async (signal) =>
      (await callJson<{ servers: Server[] }>(session, 'compute', 'GET', '/v2.1/servers/detail', { signal }))
        .servers,
    everyMs,
    [session],
  );
  const { error, busy, act } = useAct(live.again);

  const columns: readonly Column<Server>[] = [
    {
      title: 'Server',
      cell: (server) => html`<a class="long" href=${`#/servers/${server.id}`}>${server.name}</a>`,
    },
    {
      title: 'Status',
      cell: (server) => html`<${State} word=${server.status} /> <small>${taskOf(server)}</small>`,
    },
    { title: 'Addresses', cell: addressesOf },
    ...(isAdmin(session)
      ? [{ title: 'Host', cell: (server: Server) => server['OS-EXT-SRV-ATTR:host'] ?? '–' }]
      : []),
    {
      title: 'Actions',
      kind: 'buttons',
      cell: (server) => html`<${Power} session=${session} server=${server} act=${act} busy=${busy} />`,
    },
  ];

  return html`
    <h1>Servers</h1>
    <${NewServer} session=${session} />
    <${Problem} error=${error} />
    <${Show} live=${live}>
      ${(servers: readonly Server[]) =>
        html`<${Table} caption=${`Servers of ${session.project.name}`} rows=${servers} columns=${columns} rowKey=${(server: Server) => server.id} empty=${html`<strong>No servers yet.</strong> Open “New server” above: it takes an image, a size and a name.`} />`}
    <//>
  `;
};
