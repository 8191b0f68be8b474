/** Who owns what, and what moves while a new layout settles. */
import type { Layout } from '../../../proto/rest/cluster.ts';
import { html } from './html.ts';
import { useLive } from './live.ts';
import { bytes, type Column, Meter, Show, State, Table } from './parts.ts';
import { callJson, type Session } from './session.ts';

const everyMs = 2_000;
type Member = Layout['members'][number];

const columns = (layout: Layout): readonly Column<Member>[] => {
  const progress = new Map(layout.progress.map((entry) => [entry.hostId, entry]));
  const slots = 2 ** layout.partitionBits * layout.replicas;
  const step = (member: Member): string => {
    const at = progress.get(member.hostId);
    if (!at || at.ack < layout.newest) return 'has not heard of it';
    if (at.sync < layout.newest) return 'fetching its share';
    return at.syncAck < layout.newest ? 'waiting for the others' : 'settled';
  };
  return [
    { title: 'Host', cell: (member) => html`<strong>${member.name}</strong>` },
    { title: 'Zone', cell: (member) => member.zone },
    { title: 'Capacity', right: true, cell: (member) => bytes(member.capacityBytes) },
    {
      title: 'Partitions',
      cell: (member) =>
        html`<${Meter} label="partitions" used=${member.partitions} total=${2 ** layout.partitionBits} text=${`${member.partitions} (${((100 * member.partitions) / slots).toFixed(1)} % of all copies)`} />`,
    },
    { title: 'Progress', cell: (member) => html`<${State} word=${step(member)} />` },
  ];
};

export const LayoutPage = ({ session }: { readonly session: Session }) => {
  const live = useLive(
    (signal) => callJson<{ layout: Layout }>(session, 'cluster', 'GET', '/v1/layout', { signal }),
    everyMs,
    [session],
  );
  return html`
    <h1>Layout</h1>
    <${Show} live=${live}>
      ${({ layout }: { layout: Layout }) => html`
        <p aria-live="polite">
          Version ${layout.newest}: ${2 ** layout.partitionBits} partitions, ${layout.replicas} ${layout.replicas === 1 ? 'copy' : 'copies'} of each.
          ${layout.settled ? ' Nothing moves.' : ` Data moves; version ${layout.oldest} serves meanwhile too.`}
        </p>
        <${Table} caption="Members of the newest version" rows=${layout.members} columns=${columns(layout)} rowKey=${(member: Member) => member.hostId} empty="The layout has no members." />
      `}
    <//>
  `;
};
