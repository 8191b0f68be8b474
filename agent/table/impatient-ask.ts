/**
 * A proposer whose request one owner has refused may still find a quorum among the others, so it waits for all of
 * them. When one of those hangs, that is a whole timeout lost, for an attempt that is likely lost anyway. So once
 * an owner has refused, those that have not answered get a moment more and then count as failed.
 */
import { ShoalError } from '../../proto/error.ts';
import type { HostId } from '../../proto/ids.ts';
import type { Reply, Request } from '../register/message.ts';
import type { Timers } from '../runtime/ports.ts';
import { refusedPatienceMs } from './limits.ts';

type Ask = (to: HostId, request: Request) => Promise<Reply>;

/** Expects what `changeRegister` does: one request object for all owners of a phase. */
export const impatientAsk = (timers: Pick<Timers, 'after'>, ask: Ask): Ask => {
  const phases = new WeakMap<Request, PromiseWithResolvers<never>>();
  return (to, request) => {
    // Nobody refuses a read.
    if (request.kind === 'read') return ask(to, request);
    const end = phases.get(request) ?? Promise.withResolvers<never>();
    phases.set(request, end);
    const answered = ask(to, request).then((reply) => {
      if (reply.kind === 'conflict')
        timers.after(refusedPatienceMs, () =>
          end.reject(new ShoalError('TIMEOUT', 'Another owner refused the request meanwhile')),
        );
      return reply;
    });
    return Promise.race([answered, end.promise]);
  };
};
