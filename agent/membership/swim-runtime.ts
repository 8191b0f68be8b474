/** What the membership core asks of its surroundings: messages, timers, events. */
import type { HostId } from '../../proto/ids.ts';
import type { MemberFact, SwimMessage } from '../../proto/message/membership.ts';
import type { CoreRuntime } from '../runtime/core.ts';

/** `dueMs`: when it should fire; one that fires late tells that this host was held up. `again`: it was given grace already. */
export type JudgingTimer = (
  | { readonly kind: 'tick' }
  | { readonly kind: 'direct'; readonly probe: number }
  | { readonly kind: 'suspicion'; readonly host: HostId; readonly incarnation: number }
) & { readonly dueMs: number; readonly again?: true };

export type SwimTimer =
  | JudgingTimer
  | { readonly kind: 'relay'; readonly probe: number }
  | { readonly kind: 'gossip' | 'exchange' | 'reconnect' }
  | { readonly kind: 'greet'; readonly host: HostId };

/** A fact that holds from now on. `own`: it began here, so this host spreads it by any other means it has, too. */
export interface SwimEvent {
  readonly kind: 'changed';
  readonly fact: MemberFact;
  readonly before: MemberFact | undefined;
  readonly own: boolean;
}

export type SwimRuntime = CoreRuntime<SwimMessage, SwimTimer, SwimEvent>;
