/** Servers, their power, and what they say on their console. */
import { useState } from 'preact/hooks';
import { html } from './html.ts';
import { useLive } from './live.ts';
import { type Column, Problem, Show, State, Table } from './parts.ts';
import { call, callJson, type Session } from './session.ts';

const everyMs = 2_000;
const consoleLines = 200;

interface Server {
  readonly id: string;
  readonly name: string;
  readonly status: string;
  readonly addresses: Readonly<Record<string, readonly { readonly addr: string }[]>>;
  readonly 'OS-EXT-SRV-ATTR:host'?: string | null;
  readonly 'OS-EXT-STS:task_state'?: string | null;
  readonly fault?: { readonly message: string };
}

const addressesOf = (server: Server): string =>
  Object.values(server.addresses)
    .flat()
    .map((address) => address.addr)
    .join(', ') || '–';

const Console = ({
  session,
  server,
  close,
}: {
  readonly session: Session;
  readonly server: Server;
  readonly close: () => void;
}) => {
  const live = useLive(
    (signal) =>
      callJson<{ output: string }>(session, 'compute', 'POST', `/v2.1/servers/${server.id}/action`, {
        json: { 'os-getConsoleOutput': { length: consoleLines } },
        signal,
      }),
    everyMs,
    [session, server.id],
  );
  return html`<section class="console" aria-label=${`Console of ${server.name}`}>
    <h2>Console of ${server.name} <button class="quiet" onClick=${close}>Close</button></h2>
    <${Show} live=${live}>${(answer: { output: string }) => html`<pre tabindex="0">${answer.output || 'Nothing was written yet.'}</pre>`}<//>
  </section>`;
};

export const Servers = ({ session }: { readonly session: Session }) => {
  const [open, setOpen] = useState<string>();
  const [error, setError] = useState<Error>();
  const live = useLive(
    (signal) =>
      callJson<{ servers: Server[] }>(session, 'compute', 'GET', '/v2.1/servers/detail', { signal }),
    everyMs,
    [session],
  );

  const act = async (work: Promise<unknown>): Promise<void> => {
    try {
      await work;
      setError(undefined);
    } catch (failure) {
      setError(failure as Error);
    }
    live.again();
  };
  const power = (server: Server, action: 'os-start' | 'os-stop') =>
    act(call(session, 'compute', 'POST', `/v2.1/servers/${server.id}/action`, { json: { [action]: null } }));
  const remove = (server: Server) => {
    if (confirm(`Delete server "${server.name}" and its disk?`))
      void act(call(session, 'compute', 'DELETE', `/v2.1/servers/${server.id}`));
  };

  const columns: readonly Column<Server>[] = [
    { title: 'Server', cell: (server) => html`<strong>${server.name}</strong>` },
    {
      title: 'Status',
      cell: (server) =>
        html`<${State} word=${server.status} /> <small>${server['OS-EXT-STS:task_state'] ?? server.fault?.message ?? ''}</small>`,
    },
    { title: 'Addresses', cell: addressesOf },
    { title: 'Host', cell: (server) => server['OS-EXT-SRV-ATTR:host'] ?? '–' },
    {
      title: 'Do',
      cell: (server) => html`<span class="actions">
        <button class="quiet" aria-expanded=${open === server.id} onClick=${() => setOpen(open === server.id ? undefined : server.id)}>Console</button>
        ${server.status === 'ACTIVE' && html`<button class="quiet" onClick=${() => power(server, 'os-stop')}>Stop</button>`}
        ${server.status === 'SHUTOFF' && html`<button class="quiet" onClick=${() => power(server, 'os-start')}>Start</button>`}
        <button class="quiet" onClick=${() => remove(server)}>Delete</button>
      </span>`,
    },
  ];

  return html`
    <h1>Servers</h1>
    <${Problem} error=${error} />
    <${Show} live=${live}>
      ${({ servers }: { servers: Server[] }) => {
        const shown = servers.find((server) => server.id === open);
        return html`
          <${Table} caption=${`Servers of ${session.project.name}`} rows=${servers} columns=${columns} rowKey=${(server: Server) => server.id} empty="No servers. With the command: shoal server create NAME --image IMAGE --flavor FLAVOR" />
          ${shown && html`<${Console} session=${session} server=${shown} close=${() => setOpen(undefined)} />`}
        `;
      }}
    <//>
  `;
};
