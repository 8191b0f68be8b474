/** Who is there, as gossip sees it. Facts may be seconds old: what must be right is decided by quorums, not here. */
import type { HostId } from '../../proto/ids.ts';

/** alive → suspect → dead by silence; left by its own word; draining takes no new load but serves what it has. */
export type MemberState = 'alive' | 'suspect' | 'dead' | 'left' | 'draining';

/** What a host tells of itself when it starts; a change raises its incarnation. */
export interface MemberCard {
  readonly name: string;
  readonly zone: string;
  /** libp2p multiaddrs. */
  readonly peerAddresses: readonly string[];
  /** `host:port` of the bulk channel. */
  readonly bulkAddress: string;
  /** Base URL of the API listener, e.g. `http://127.0.0.1:5001`. */
  readonly apiUrl: string;
  readonly s3Url: string | null;
  /** Weight in the ring: bytes that its data directories may hold. 0 for a witness. */
  readonly capacityBytes: number;
  readonly version: string;
}

/** Load, at most once a second, at least every 30 s. */
export interface Vitals {
  readonly atMs: number;
  readonly storageUsedBytes: number;
  readonly storageFreeBytes: number;
  readonly memoryTotalMiB: number;
  readonly memoryClaimedMiB: number;
  readonly vcpusTotal: number;
  readonly vcpusClaimed: number;
  readonly diskTotalGiB: number;
  readonly diskClaimedGiB: number;
  readonly machines: number;
  /** 1-minute load average. */
  readonly load: number;
  /** Hypervisor drivers that work here, e.g. `qemu-tcg`; empty where none does. */
  readonly hypervisors: readonly string[];
  /** Why compute is off, where it is. */
  readonly computeRefusal: string | null;
}

export interface Member {
  readonly hostId: HostId;
  /** By its card; before that has come, by the roster. */
  readonly name: string;
  readonly state: MemberState;
  readonly incarnation: number;
  /** Absent until its card has arrived. */
  readonly card?: MemberCard;
  readonly vitals?: Vitals;
}

export interface Members {
  readonly self: HostId;
  /** All that are known, self included, in no order. */
  list(): readonly Member[];
  get(hostId: HostId): Member | undefined;
  /** Is it worth sending to it now? True for alive, suspect and draining. */
  isReachable(hostId: HostId): boolean;
  /** Called after each change of a state or card (not for vitals). Returns its own cancellation. */
  onChange(listener: (member: Member) => void): () => void;
}
