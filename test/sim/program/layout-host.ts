/** A host with the agent's whole membership and ring, shells included, and sets of tokens in the place of tables and chunks. */
import { type OwnMembers, openMembers } from '../../../agent/membership/members.ts';
import type { MemberCard } from '../../../agent/membership/port.ts';
import { loopbackSettings } from '../../../agent/membership/settings.ts';
import { type OwnRing, openRing, type RingWorld } from '../../../agent/ring/open-ring.ts';
import type { Ring, Syncer } from '../../../agent/ring/port.ts';
import { rehearsalSettings } from '../../../agent/ring/settings.ts';
import { sub } from '../../../agent/store/namespace.ts';
import type { HostId } from '../../../proto/ids.ts';
import { fakeSigner } from '../../fake/signer.ts';
import { simKeyValue } from '../key-value.ts';
import { liveRoster } from '../live-roster.ts';
import type { Host, Program } from '../node.ts';
import { simPeer } from '../peer.ts';
import { type LogWatch, shellRuntime } from '../shell-runtime.ts';
import { openTokens, type Tokens } from './tokens.ts';

export interface LayoutHost extends Program {
  /** Undefined for the moment that opening takes. */
  readonly ring: OwnRing | undefined;
  readonly tokens: Tokens | undefined;
}

export interface LayoutHostOptions {
  readonly everyone: readonly HostId[];
  readonly roster: RingWorld['roster'];
  readonly isFounder: boolean;
  readonly copyDelayMs: number;
  /** Has this host never been in a layout? `ended`: it is now. */
  readonly life: { readonly isFirst: boolean; ended(): Promise<void> };
  /** What copies the tokens. */
  syncer(copy: Tokens['copy'], ring: OwnRing): Syncer;
  /** The ring as the tokens see it. */
  tokenRing(ring: Ring): Ring;
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
  const store = simKeyValue(host);
  const world = {
    runtime: shellRuntime(host, options.watch),
    rpc,
    gossip,
    roster: liveRoster(host, options.roster),
    keyValue: sub(store, 'ring'),
    signer: fakeSigner(host.id),
  };
  const { copyDelayMs, isFounder, life } = options;
  let ring: OwnRing | undefined;
  let tokens: Tokens | undefined;

  const open = async (): Promise<void> => {
    const members: OwnMembers = await openMembers(world, { card: cardOf(host.id), swim: loopbackSettings });
    const opened = openRing(
      { ...world, members },
      { ...rehearsalSettings, ...{ partitionBits: 3, copyDelayMs, isFounder, life } },
    );
    tokens = openTokens({
      ...{ rpc, timers: world.runtime.timers, keyValue: sub(store, 'tokens') },
      ring: options.tokenRing(opened),
    });
    opened.addSyncer(options.syncer(tokens.copy, opened));
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
    get tokens() {
      return tokens;
    },
  };
};
