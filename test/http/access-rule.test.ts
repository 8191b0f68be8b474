import test from 'ava';
import { checkAccessRules, matchesPath } from '../../agent/http/access-rule.ts';
import { cpuMs } from '../cpu-time.ts';

test('access rule: a star is one segment, two are any, a name in braces is one', (t) => {
  const cases: readonly (readonly [string, string, boolean])[] = [
    ['/v2.1/servers', '/v2.1/servers', true],
    ['/v2.1/servers', '/v2.1/servers/', true],
    ['/v2.1/servers', '/v2.1/servers/x', false],
    ['/v2.1/servers/*', '/v2.1/servers/x', true],
    ['/v2.1/servers/*', '/v2.1/servers/x/ips', false],
    ['/v2.1/servers/{id}/ips', '/v2.1/servers/x/ips', true],
    ['/v2.1/**', '/v2.1/servers/x/ips', true],
    ['/v2.1/**', '/v2.2/servers', false],
    ['/**/ips', '/v2.1/servers/x/ips', true],
    ['/**/ips', '/v2.1/servers/x', false],
    ['**', '/anything/at/all', true],
    ['/v1/AUTH_p/a*', '/v1/AUTH_p/ab', false],
  ];
  for (const [pattern, path, expected] of cases)
    t.is(matchesPath(pattern, path), expected, `${pattern} on ${path}`);
});

test('access rule: a pattern full of stars costs no more than the product of the lengths', (t) => {
  const tookMs = cpuMs(() => t.false(matchesPath(`${'/**/a'.repeat(60)}/b`, `${'/a'.repeat(5_000)}/c`)));
  t.true(tookMs < 1_000, `${tookMs}`);
});

test('access rule: service, method and path must fit, the path with or without the prefix of the API', (t) => {
  const rule = (path: string, method = 'GET', service = 'compute') => [{ path, method, service }];
  const check = (accessRules: ReturnType<typeof rule> | undefined) => () =>
    checkAccessRules({ ...(accessRules && { accessRules }) }, 'compute', 'GET', '/compute/v2.1/servers');
  t.notThrows(check(undefined));
  t.notThrows(check(rule('/v2.1/servers')));
  t.notThrows(check(rule('/compute/v2.1/servers')));
  t.notThrows(check([...rule('/v2.1/flavors'), ...rule('/v2.1/*')]));
  const swift = rule('/v1/AUTH_p/c', 'GET', 'object-store');
  for (const path of ['/object-store/v1/AUTH_p/c', '/v1/AUTH_p/c'])
    t.notThrows(() => checkAccessRules({ accessRules: swift }, 'object', 'GET', path));
  for (const other of [
    [],
    rule('/v2.1/servers', 'POST'),
    rule('/v2.1/servers', 'GET', 'image'),
    rule('/v2.1/flavors'),
  ])
    t.throws(check(other), { code: 'NOT_AUTHENTICATED', message: /access rules/ });
});
