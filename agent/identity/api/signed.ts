/** A request as a client of OAuth has signed it: on the address that it used. */
import { apiPrefix } from '../../../proto/rest/route.ts';
import type { ApiRequest } from '../../http/port.ts';
import type { OauthRequest } from '../oauth-signature.ts';

/** For routes without a parameter in their path. */
export const signedRequestOf = ({
  origin,
  route,
  method,
  query,
  headers,
}: Pick<ApiRequest, 'origin' | 'route' | 'method' | 'query' | 'headers'>): OauthRequest => ({
  method,
  url: `${origin}${apiPrefix.identity}${route.path}`,
  query,
  authorization: headers.authorization,
});
