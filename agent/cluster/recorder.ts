/** What operators did, into the journal. */
import { principalOf } from '../http/port.ts';
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
  const actorOf: Recorder['actorOf'] = (request) => {
    const { user, scope } = principalOf(request);
    return { userId: user.id, userName: user.name, projectId: scope.kind === 'project' ? scope.id : null };
  };
  return {
    actorOf,
    record: (request, { outcome = 'done', ...event }) =>
      journal.append({ requestId: request.requestId, actor: actorOf(request), outcome, ...event }),
  };
};
