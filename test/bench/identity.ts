/**
 * Tokens: checked and issued. First identity alone, on one core, over tables in memory: what it costs by itself,
 * beside the Ed25519 signatures that no implementation of this design can avoid. Then through one host of three on
 * this machine, over HTTP, as requests a second and as requests per second of that host's CPU.
 *
 * No password is hashed in any of it but to begin with: argon2id is meant to be slow.
 */
import { generateKeyPairSync, randomBytes, sign, verify } from 'node:crypto';
import { Pool } from 'undici';
import type { ApiRequest, Handler, Http } from '../../agent/http/port.ts';
import { openIdentity } from '../../agent/identity/open-identity.ts';
import { identityRoutes } from '../../proto/rest/identity.ts';
import type { Route } from '../../proto/rest/route.ts';
import { fakeRuntime } from '../fake/http.ts';
import { fakeTables } from '../fake/tables.ts';
import { fakeGossip, fakeRoster, passwordAuth, tokenAuth } from '../identity/world.ts';
import { startCluster } from './cluster.ts';
import type { BenchOptions } from './main.ts';
import { rate, share } from './rate.ts';
import { printTable, round } from './table.ts';

const inFlight = 16;
const distinctTokens = 4_000;

/** How long `count` calls take, as a rate. */
const rateOf = async (count: number, work: (index: number) => unknown): Promise<number> => {
  const startMs = performance.now();
  for (let i = 0; i < count; i += 1) await work(i);
  return (count / (performance.now() - startMs)) * 1000;
};

const signatures = async (seconds: number) => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const bytes = randomBytes(120);
  const signature = sign(null, bytes, privateKey);
  return {
    signs: await rate(seconds, 1, () => sign(null, bytes, privateKey)),
    verifies: await rate(seconds, 1, () => verify(null, bytes, publicKey, signature)),
  };
};

/** Identity with its handlers at hand instead of behind a listener. */
const openAlone = async () => {
  const runtime = fakeRuntime();
  const handlers = new Map<string, Handler<Route>>();
  const http: Http = {
    serve: (route, handler) => void handlers.set(route.name, handler as unknown as Handler<Route>),
    shapeErrors: () => {},
    serveRaw: () => {},
    setAuthenticate: () => {},
    start: async () => ({ url: '', port: 0 }),
    stop: async () => {},
  };
  const [roster, gossip] = [fakeRoster(), fakeGossip()];
  const signer = roster.signer();
  const parts = {
    runtime,
    tables: fakeTables(),
    gossip: gossip.join(signer.hostId),
    signer,
    journal: { append: () => {}, read: async () => ({ records: [], next: {} }) },
    http,
  };
  const identity = await openIdentity(parts, { services: ['identity', 'compute', 'image', 'object-store'] });
  await identity.bootstrap({ adminPassword: 'first light' });
  const issue = async (body: unknown): Promise<string> => {
    const request = {
      route: identityRoutes.token.issue,
      requestId: 'req-bench',
      origin: 'http://127.0.0.1',
      query: new URLSearchParams(),
      body,
    } as unknown as ApiRequest;
    const answer = await handlers.get('issueToken')?.(request);
    return String(answer?.headers?.['X-Subject-Token']);
  };
  return { identity, issue };
};

const admin = { project: { name: 'admin', domain: { id: 'default' } } };

const benchAlone = async (seconds: number) => {
  const { signs, verifies } = await signatures(seconds / 2);
  const { identity, issue } = await openAlone();
  const unscoped = await issue(passwordAuth('admin', 'first light', 'unscoped'));
  const token = await issue(tokenAuth(unscoped, admin));
  const known = await rate(seconds, 1, () => identity.authenticate(token));
  const issued = await rate(seconds, 1, () => issue(tokenAuth(unscoped, admin)));
  const tokens: string[] = [];
  for (let i = 0; i < distinctTokens; i += 1) tokens.push(await issue(tokenAuth(unscoped, admin)));
  const fresh = await rateOf(tokens.length, (i) => identity.authenticate(tokens[i] ?? ''));
  printTable(
    ['identity alone, one core', 'per second', 'limit', 'of limit'],
    [
      ['check a known token', round(known), '', ''],
      [
        'check a token for the first time',
        round(fresh),
        `verify ${round(verifies)}/s`,
        share(fresh, verifies),
      ],
      ['issue a token from a token', round(issued), `sign ${round(signs)}/s`, share(issued, signs)],
    ],
  );
};

const benchCluster = async (seconds: number): Promise<void> => {
  await using cluster = await startCluster();
  const { origin, pathname } = new URL(cluster.authUrl);
  const pool = new Pool(origin, { connections: inFlight, pipelining: 1 });
  const ask = async (
    method: 'GET' | 'POST',
    path: string,
    headers: Record<string, string>,
    body?: unknown,
  ) => {
    const answer = await pool.request({
      method,
      path: `${pathname}${path}`,
      headers: { ...headers, 'content-type': 'application/json' },
      body: body === undefined ? null : JSON.stringify(body),
    });
    const text = await answer.body.text();
    if (answer.statusCode >= 300) throw new Error(`${method} ${path}: ${answer.statusCode} ${text}`);
    return { token: String(answer.headers['x-subject-token']), body: text };
  };
  const issue = async (body: unknown): Promise<string> =>
    (await ask('POST', '/auth/tokens?nocatalog', {}, body)).token;

  const unscoped = await issue(passwordAuth('admin', cluster.password, 'unscoped'));
  const token = await issue(tokenAuth(unscoped, admin));
  const { body } = await ask('GET', '/auth/tokens', { 'x-auth-token': token, 'x-subject-token': token });
  const userId = JSON.parse(body).token.user.id;
  const application = await ask(
    'POST',
    `/users/${userId}/application_credentials`,
    { 'x-auth-token': token },
    { application_credential: { name: `bench-${Date.now()}` } },
  );
  const { id, secret } = JSON.parse(application.body).application_credential;
  const applicationAuth = {
    auth: { identity: { methods: ['application_credential'], application_credential: { id, secret } } },
  };

  const cases = [
    [
      'validate a token (GET /v3/auth/tokens)',
      () => ask('GET', '/auth/tokens?nocatalog', { 'x-auth-token': token, 'x-subject-token': token }),
    ],
    [
      'a call that needs a token (GET /v3/limits/model)',
      () => ask('GET', '/limits/model', { 'x-auth-token': token }),
    ],
    ['issue: token from a token', () => issue(tokenAuth(unscoped, admin))],
    ['issue: application credential', () => issue(applicationAuth)],
    ['issue: password (argon2id)', () => issue(passwordAuth('admin', cluster.password, admin))],
  ] as const;
  const rows: (string | number)[][] = [];
  for (const [name, work] of cases) {
    const before = await cluster.cpuSeconds();
    const perSecond = await rate(seconds, inFlight, work);
    const used = (await cluster.cpuSeconds()) - before;
    rows.push([name, round(perSecond), round((perSecond * seconds) / used)]);
  }
  await pool.destroy();
  console.log();
  printTable([`one host of three, ${inFlight} in flight`, 'per second', 'per second of its CPU'], rows);
};

export const benchIdentity = async ({ seconds }: BenchOptions): Promise<void> => {
  await benchAlone(seconds);
  await benchCluster(seconds);
};
