/**
 * `GET /auth/v1.0`: what Swift's TempAuth and Ceph's gateway have, and clients without Keystone know. `X-Auth-User` is
 * `project:user`, or a user alone who has a default project; both names are of the default domain. The token is Keystone's.
 */
import { secondMs } from '../../../proto/units.ts';
import type { ApiAnswer, ApiRequest } from '../../http/port.ts';
import { unauthorized } from '../../identity/error.ts';
import type { Context } from '../context.ts';
import { headerText } from '../metadata.ts';
import { accountOf } from '../name.ts';

export const signIn = async (
  context: Pick<Context, 'signIn' | 'runtime'>,
  { headers, origin, requestId }: ApiRequest,
): Promise<ApiAnswer> => {
  const who = headerText(headers, 'x-auth-user') ?? headerText(headers, 'x-storage-user');
  const password = headerText(headers, 'x-auth-key') ?? headerText(headers, 'x-storage-pass');
  if (!who || !password) throw unauthorized();
  const colon = who.indexOf(':');
  const { token, principal, project } = await context.signIn(requestId, {
    project: colon < 0 ? undefined : who.slice(0, colon),
    user: who.slice(colon + 1),
    password,
  });
  const leftMs = principal.expiresAtMs - context.runtime.clock.wallMs();
  return {
    headers: {
      'X-Storage-Url': `${origin}/v1/${accountOf(project)}`,
      'X-Auth-Token': token,
      'X-Storage-Token': token,
      'X-Auth-Token-Expires': String(Math.max(0, Math.floor(leftMs / secondMs))),
      'Content-Type': 'text/html; charset=UTF-8',
    },
    body: '',
  };
};
