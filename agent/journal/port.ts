/** The signed event log: every accepted change, in a hypercore per host, replicated to the others. */
import type { HostId, RequestId } from '../../proto/ids.ts';

export interface JournalEvent {
  readonly atMs: number;
  readonly host: HostId;
  readonly requestId: RequestId | null;
  /** null: the agent itself. */
  readonly actor: {
    readonly userId: string;
    readonly userName: string;
    readonly projectId: string | null;
  } | null;
  /** Noun and verb: `server.create`, `host.join`, `token.issue`. */
  readonly action: string;
  /** What it was done to: an id or path. */
  readonly target: string;
  readonly outcome: 'accepted' | 'done' | 'failed' | 'refused';
  readonly detail?: Readonly<Record<string, unknown>>;
}

export interface JournalRecord extends JournalEvent {
  /** Position in its host's log. Rises from event to event, with gaps. */
  readonly sequence: number;
}

/** Position in every known host's log: the next sequence to read. Opaque to API clients. */
export type JournalCursor = Readonly<Record<string, number>>;

export interface Journal {
  /** Queued at once, on disk within a moment; never throws (a failure is logged). */
  append(event: Omit<JournalEvent, 'atMs' | 'host'>): void;
  /** Oldest first after the cursor, over all hosts' logs held here. Without a cursor: the newest `limit`. */
  read(options: {
    readonly after?: JournalCursor;
    readonly limit: number;
  }): Promise<{ readonly records: readonly JournalRecord[]; readonly next: JournalCursor }>;
}
