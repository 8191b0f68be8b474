/** A host with the agent's whole membership and ring, shells included. What it would copy is left to the scenario. */
import { type OwnMembers, openMembers } from '../../../agent/membership/members.ts';
import type { MemberCard } from '../../../agent/membership/port.ts';
import { loopbackSettings } from '../../../agent/membership/settings.ts';
import { type OwnRing, openRing, type RingWorld } from '../../../agent/ring/open-ring.ts';
import type { Syncer } from '../../../agent/ring/port.ts';
import { rehearsalSettings } from '../../../agent/ring/settings.ts';
import type { HostId } from '../../../proto/ids.ts';
import { fakeSigner } from '../../fake/signer.ts';
import { simKeyValue } from '../key-value.ts';
import { liveRoster } from '../live-roster.ts';
import type { Host, Program } from '../node.ts';
import { simPeer } from '../peer.ts';
import { type LogWatch, shellRuntime } from '../shell-runtime.ts';

export interface LayoutHost extends Program {
  /** Undefined for the moment that opening takes. */
  readonly ring: OwnRing | undefined;
}

export interface LayoutHostOptions {
  readonly everyone: readonly HostId[];
  readonly roster: RingWorld['roster'];
  readonly isFounder: boolean;
  /** Has this host never been in a layout? `ended`: it is now. */
  readonly life: { readonly isFirst: boolean; ended(): Promise<void> };
  readonly syncer: Syncer;
  readonly watch: LogWatch;
  /** Called after each change of the live versions. */
  changed(ring: OwnRing): void;
}

const cardOf = (id: HostId): MemberCard => ({
  name: id.slice(-4),
  zone: 'z',
  peerAddresses: [],
  bulkAddress: '127.0.0.1:1',
  apiUrl: 'http://127.0.0.1:2',
  s3Url: null,
  capacityBytes: 1e12,
  version: '0.1.0',
});

export const layoutHost = (host: Host, options: LayoutHostOptions): LayoutHost => {
  const { rpc, gossip, handleMessage } = simPeer(host, options.everyone);
  const world = {
    runtime: shellRuntime(host, options.watch),
    rpc,
    gossip,
    roster: liveRoster(host, options.roster),
    keyValue: simKeyValue(host),
    signer: fakeSigner(host.id),
  };
  let ring: OwnRing | undefined;

  const open = async (): Promise<void> => {
    const members: OwnMembers = await openMembers(world, { card: cardOf(host.id), swim: loopbackSettings });
    const opened = openRing(
      { ...world, members },
      { ...rehearsalSettings, partitionBits: 3, isFounder: options.isFounder, life: options.life },
    );
    opened.addSyncer(options.syncer);
    opened.onChange(() => options.changed(opened));
    ring = opened;
    options.changed(opened);
    opened.start();
  };
  // After a crash this goes nowhere: what it waits for never comes.
  open().catch((bug: unknown) => host.world.fail(bug));

  return {
    handleMessage,
    get ring() {
      return ring;
    },
  };
};
