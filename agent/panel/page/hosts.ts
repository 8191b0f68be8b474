/** The hosts with their state and load, and how the cluster is. */
import type { Health, Host } from '../../../proto/rest/cluster.ts';
import { html } from './html.ts';
import { useLive } from './live.ts';
import { bytes, type Column, Meter, Show, State, Table } from './parts.ts';
import { callJson, type Session } from './session.ts';

const everyMs = 2_000;

const load = (host: Host, text: (vitals: NonNullable<Host['vitals']>) => unknown) =>
  host.vitals ? text(host.vitals) : '–';

const columns: readonly Column<Host>[] = [
  {
    title: 'Host',
    cell: (host) =>
      html`<strong>${host.name}</strong>${host.self ? html` <small>serves this page</small>` : ''}`,
  },
  { title: 'State', cell: (host) => html`<${State} word=${host.state} />` },
  { title: 'Zone', cell: (host) => host.zone },
  {
    title: 'Stored',
    cell: (host) =>
      load(
        host,
        (vitals) =>
          html`<${Meter} label="stored" used=${vitals.storageUsedBytes} total=${host.capacityBytes} text=${`${bytes(vitals.storageUsedBytes)} of ${bytes(host.capacityBytes)}`} />`,
      ) as never,
  },
  {
    title: 'Memory',
    cell: (host) =>
      load(
        host,
        (vitals) =>
          html`<${Meter} label="memory claimed" used=${vitals.memoryClaimedMiB} total=${vitals.memoryTotalMiB} text=${`${vitals.memoryClaimedMiB} of ${vitals.memoryTotalMiB} MiB`} />`,
      ) as never,
  },
  { title: 'Load', right: true, cell: (host) => load(host, (vitals) => vitals.load.toFixed(2)) as string },
  {
    title: 'Servers',
    right: true,
    cell: (host) => load(host, (vitals) => vitals.computeRefusal ?? String(vitals.machines)) as string,
  },
  { title: 'Panel', cell: (host) => html`<a href=${`${host.apiUrl}/`}>${host.apiUrl}</a>` },
];

const HealthLine = ({ health }: { readonly health: Health }) => html`
  <section class="health" aria-label="Health" aria-live="polite">
    <p><${State} word=${health.status} /> ${health.hosts.alive} of ${health.hosts.total} hosts alive, layout ${health.layout.newest}${health.layout.settled ? '' : ' settling'}</p>
    ${health.findings.length > 0 && html`<ul>${health.findings.map((finding) => html`<li>${finding}</li>`)}</ul>`}
  </section>
`;

export const Hosts = ({ session }: { readonly session: Session }) => {
  const health = useLive(
    (signal) => callJson<{ health: Health }>(session, 'cluster', 'GET', '/v1/health', { signal }),
    everyMs,
    [session],
  );
  const hosts = useLive(
    (signal) => callJson<{ hosts: Host[] }>(session, 'cluster', 'GET', '/v1/hosts', { signal }),
    everyMs,
    [session],
  );
  return html`
    <h1>Hosts</h1>
    <${Show} live=${health}>${(answer: { health: Health }) => html`<${HealthLine} health=${answer.health} />`}<//>
    <${Show} live=${hosts}>
      ${(answer: { hosts: Host[] }) => html`<${Table} caption="All hosts of the cluster" rows=${answer.hosts} columns=${columns} rowKey=${(host: Host) => host.hostId} empty="No host is known." />`}
    <//>
  `;
};
