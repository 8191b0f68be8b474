/** What Keystone has and shoal has not: 501 rather than 404, so that a client can tell. */
import { type Method, route } from '../route.ts';

const methods: readonly Method[] = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];

const title = (word: string): string => `${word.charAt(0)}${word.slice(1).toLowerCase()}`;

const leftOut = (what: string, paths: readonly string[], only: readonly Method[] = methods) =>
  paths.flatMap((path, i) =>
    only.map((method) =>
      route({
        api: 'identity',
        name: `${method.toLowerCase()}${title(what)}${paths.length > 1 ? i + 1 : ''}`,
        method,
        path,
        policy: 'token',
        status: 501,
      }),
    ),
  );

export const leftOutRoutes = [
  ...leftOut('Trusts', ['/v3/OS-TRUST/*']),
  ...leftOut('Federation', ['/v3/OS-FEDERATION/*']),
  ...leftOut('Oauth2', ['/v3/OS-OAUTH2/*']),
  ...leftOut('Endpointpolicies', [
    '/v3/endpoints/:endpointId/OS-ENDPOINT-POLICY/*',
    '/v3/policies/:policyId/OS-ENDPOINT-POLICY/*',
  ]),
  ...leftOut('Revocations', ['/v3/OS-REVOKE/events', '/v3/auth/tokens/OS-PKI/revoked'], ['GET']),
  ...leftOut('Certificates', ['/v3/OS-SIMPLE-CERT/*'], ['GET']),
  // Nothing in shoal would hold a project to such a limit: storing it would be a lie.
  ...leftOut('Limits', ['/v3/limits', '/v3/registered_limits'], ['POST']),
];
