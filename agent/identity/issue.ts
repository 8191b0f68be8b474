/** A token for whoever proves who he is, and a line in the journal whatever comes of it. */
import { asShoalError } from '../../proto/error.ts';
import type { RequestId } from '../../proto/ids.ts';
import type { AuthRequest } from '../../proto/rest/identity.ts';
import { minuteMs } from '../../proto/units.ts';
import { actorOf } from '../http/port.ts';
import type { Journal } from '../journal/port.ts';
import type { Clock } from '../runtime/ports.ts';
import { refusalsPerMinuteMax } from './limits.ts';
import type { Issued, Login } from './login.ts';
import type { OauthRequest } from './oauth-signature.ts';

/** Throws what the login throws. */
export type Issue = (
  requestId: RequestId,
  auth: AuthRequest['auth'],
  signed: OauthRequest,
) => Promise<Issued>;

/** True as often as `max` in each minute. */
const perMinute = (clock: Clock, max: number): (() => boolean) => {
  let endsAtMs = Number.NEGATIVE_INFINITY;
  let left = 0;
  return () => {
    const nowMs = clock.monotonicMs();
    if (nowMs >= endsAtMs) {
      endsAtMs = nowMs + minuteMs;
      left = max;
    }
    left -= 1;
    return left >= 0;
  };
};

/** Who was asked about, for the journal; never what was given as the password. */
const nameOf = (proofs: AuthRequest['auth']['identity']): string => {
  const { password, application_credential: application } = proofs;
  const named = password?.user ?? application;
  return (named?.id ?? named?.name ?? 'token').slice(0, 255);
};

export const openIssue = ({
  login,
  journal,
  clock,
}: {
  readonly login: Login;
  readonly journal: Journal;
  readonly clock: Clock;
}): Issue => {
  const mayTell = perMinute(clock, refusalsPerMinuteMax);
  return async (requestId, auth, signed) => {
    const event = { requestId, action: 'token.issue' } as const;
    try {
      const issued = await login.issue(auth, signed);
      const actor = actorOf(issued.principal);
      journal.append({ ...event, actor, target: issued.payload.auditId, outcome: 'done' });
      return issued;
    } catch (error) {
      const { status, code } = asShoalError(error);
      if (status < 500 && mayTell()) {
        const target = nameOf(auth.identity);
        journal.append({ ...event, actor: null, target, outcome: 'refused', detail: { code } });
      }
      throw error;
    }
  };
};
