/** Who owns what, and what moves while a new layout settles. */
import type { Layout } from '../../../proto/rest/cluster/layout.ts';
import { callJson } from './call.ts';
import { html } from './html.ts';
import { useLive } from './live.ts';
import { bytes, type Column, Meter, Show, State, Table } from './parts.ts';
import type { Session } from './session.ts';

const everyMs = 2_000;
type Member = Layout['members'][number];

/** How far a host is with the newest version: heard, fetched, and known to be fetched by all. */
const stepOf = (layout: Layout, member: Member): string => {
  const at = layout.progress.find((entry) => entry.hostId === member.hostId);
  if (!at || at.ack < layout.newest) return 'has not heard of it';
  if (at.sync < layout.newest) return 'fetching its share';
  return at.syncAck < layout.newest ? 'waiting for the others' : 'settled';
};

const columns = (layout: Layout): readonly Column<Member>[] => {
  const partitions = 2 ** layout.partitionBits;
  const share = (member: Member): string =>
    `${((100 * member.partitions) / (partitions * layout.replicas)).toFixed(1)} % of all copies`;
  return [
    { title: 'Host', cell: (member) => html`<strong>${member.name}</strong>` },
    { title: 'Zone', kind: 'short', cell: (member) => member.zone },
    { title: 'Capacity', kind: 'number', cell: (member) => bytes(member.capacityBytes) },
    {
      title: 'Partitions',
      cell: (member) =>
        html`<${Meter} label="Partitions" used=${member.partitions} total=${partitions} text=${`${member.partitions} of ${partitions}, ${share(member)}`} />`,
    },
    { title: 'Progress', cell: (member) => html`<${State} word=${stepOf(layout, member)} />` },
  ];
};

export const LayoutPage = ({ session }: { readonly session: Session }) => {
  const live = useLive(
    async (signal) =>
      (await callJson<{ layout: Layout }>(session, 'cluster', 'GET', '/v1/layout', { signal })).layout,
    everyMs,
    [session],
  );
  return html`
    <h1>Layout</h1>
    <${Show} live=${live}>
      ${(layout: Layout) => html`
        <section class="card" aria-live="polite">
          <p><strong>${layout.settled ? 'Nothing moves.' : `Data moves to version ${layout.newest}.`}</strong>
            ${!layout.settled && ` Version ${layout.oldest} serves meanwhile, and every change goes to the owners of both.`}</p>
          <p><small>Version ${layout.newest}: ${2 ** layout.partitionBits} partitions, ${layout.replicas} ${layout.replicas === 1 ? 'copy' : 'copies'} of each</small></p>
        </section>
        <${Table} caption="Members of the newest version" rows=${layout.members.toSorted((a, b) => a.name.localeCompare(b.name))} columns=${columns(layout)} rowKey=${(member: Member) => member.hostId} empty="The layout has no members." />
      `}
    <//>
  `;
};
