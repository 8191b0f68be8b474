/** The hosts with their state and load, and how the cluster is. */

import type { Host } from '../../../proto/rest/cluster/host.ts';
import type { Health } from '../../../proto/rest/cluster/upkeep.ts';
import { callJson } from './call.ts';
import { type Children, html } from './html.ts';
import { useLive } from './live.ts';
import { bytes, type Column, Meter, Show, State, Table } from './parts.ts';
import type { Session } from './session.ts';

const everyMs = 2_000;
const MiB = 2 ** 20;

/** Does it run, as far as is known? */
const isUp = (host: Host): boolean => !['dead', 'left'].includes(host.state);

/** A host that was never heard says nothing of itself, and what a dead one last said is no longer so. */
const vital =
  (text: (vitals: NonNullable<Host['vitals']>, host: Host) => Children): Column<Host>['cell'] =>
  (host) =>
    host.vitals && isUp(host) ? text(host.vitals, host) : '–';

const columns: readonly Column<Host>[] = [
  {
    title: 'Host',
    cell: (host) =>
      html`<strong>${host.name}</strong>${host.self ? html` <small class="line">serves this page</small>` : ''}`,
  },
  { title: 'State', kind: 'short', cell: (host) => html`<${State} word=${host.state} />` },
  { title: 'Zone', kind: 'short', cell: (host) => host.zone },
  {
    title: 'Stored',
    cell: vital(
      ({ storageUsedBytes: used }, { capacityBytes: total }) =>
        html`<${Meter} scarce label="Stored" used=${used} total=${total} text=${`${bytes(used)} of ${bytes(total)}`} />`,
    ),
  },
  {
    title: 'Memory',
    cell: vital(
      ({ memoryClaimedMiB: used, memoryTotalMiB: total }) =>
        html`<${Meter} scarce label="Memory of servers" used=${used} total=${total} text=${`${bytes(used * MiB)} of ${bytes(total * MiB)}`} />`,
    ),
  },
  { title: 'Load', kind: 'number', cell: vital((vitals) => vitals.load.toFixed(2)) },
  {
    title: 'Servers',
    kind: 'number',
    cell: vital((vitals) =>
      vitals.computeRefusal === null
        ? vitals.machines
        : html`<span title=${vitals.computeRefusal}>none <small>${vitals.computeRefusal}</small></span>`,
    ),
  },
  {
    title: 'Panel',
    cell: (host) =>
      host.self || !isUp(host)
        ? new URL(host.apiUrl).host
        : html`<a href=${`${host.apiUrl}/`}>${new URL(host.apiUrl).host}</a>`,
  },
];

const words: Readonly<Record<Health['status'], string>> = {
  green: 'Everything is fully replicated.',
  yellow: 'Everything works; something heals or is missing.',
  red: 'Some data has too few live copies to be changed.',
};

const HealthCard = ({ health }: { readonly health: Health }) => html`
  <section class="card" aria-label="Health" aria-live="polite">
    <p><${State} word=${health.status} /> <strong>${words[health.status]}</strong></p>
    <p><small>${health.hosts.alive} of ${health.hosts.total} hosts alive, layout ${health.layout.newest}${health.layout.settled ? '' : ' settling'}${health.repair.queued > 0 ? `, ${health.repair.queued} chunks to repair` : ''}</small></p>
    ${health.findings.length > 0 && html`<ul>${health.findings.map((finding) => html`<li key=${finding}>${finding}</li>`)}</ul>`}
  </section>
`;

export const Hosts = ({ session }: { readonly session: Session }) => {
  // Asked together, so that the page appears whole.
  const live = useLive(
    async (signal) => {
      const [{ health }, { hosts }] = await Promise.all([
        callJson<{ health: Health }>(session, 'cluster', 'GET', '/v1/health', { signal }),
        callJson<{ hosts: Host[] }>(session, 'cluster', 'GET', '/v1/hosts', { signal }),
      ]);
      return { health, hosts: hosts.toSorted((a, b) => a.name.localeCompare(b.name)) };
    },
    everyMs,
    [session],
  );
  return html`
    <h1>Hosts</h1>
    <${Show} live=${live}>
      ${({ health, hosts }: { health: Health; hosts: readonly Host[] }) => html`
        <${HealthCard} health=${health} />
        <${Table} caption="All hosts of the cloud" rows=${hosts} columns=${columns} rowKey=${(host: Host) => host.hostId} empty="No host is known." />
      `}
    <//>
  `;
};
