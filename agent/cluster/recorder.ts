/** What operators did, into the journal. */
import { actorOf, principalOf } from '../http/port.ts';
import type { Journal, JournalEvent } from '../journal/port.ts';

type Request = Parameters<typeof principalOf>[0];
type Actor = NonNullable<JournalEvent['actor']>;

export interface Recorder {
  actorOf(request: Request): Actor;
  record(
    request: Request,
    event: Pick<JournalEvent, 'action' | 'target' | 'detail'> & {
      readonly outcome?: JournalEvent['outcome'];
    },
  ): void;
}

export const recorder = (journal: Journal): Recorder => {
  const actor: Recorder['actorOf'] = (request) => actorOf(principalOf(request));
  return {
    actorOf: actor,
    record: (request, { outcome = 'done', ...event }) =>
      journal.append({ requestId: request.requestId, actor: actor(request), outcome, ...event }),
  };
};
