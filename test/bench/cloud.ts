/** A cluster on this machine for a bench, and clients of Swift and S3 of one of its hosts. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { parseEnv } from 'node:util';
import { Pool } from 'undici';
import { parse } from 'yaml';
import { takePorts } from '../ports.ts';
import { signS3 } from './s3-sign.ts';

export interface Cloud extends AsyncDisposable {
  /** Of the account; with the token as `X-Auth-Token`. */
  readonly url: string;
  readonly token: string;
  /** What the first host's agent holds of memory that no file backs, now. */
  memoryMiB(): Promise<number>;
  /** CPU time that all hosts' agents have taken since they began, ms. */
  cpuMs(): Promise<number>;
  /** Below the account: `/CONTAINER/OBJECT`. Throws when the status is not 2xx. Resolves with the bytes that came. */
  request: Request;
  /** The same at S3's door. */
  requestS3: Request;
  /** What the operator API answers to a GET, or to a change. Throws when the status is not 2xx. */
  operator(path: string, change?: { readonly method: string; readonly json: unknown }): Promise<unknown>;
  /** The command line, with this cluster's credentials. Throws when it fails. */
  shoal(...words: string[]): Promise<void>;
}

/** Bytes that need not lie in memory one after the other. */
export interface Pieces {
  readonly length: number;
  readonly pieces: Iterable<Uint8Array>;
}

export type Request = (
  method: 'PUT' | 'GET' | 'DELETE',
  path: string,
  body?: Uint8Array | Pieces,
) => Promise<number>;

const shoal = async (...words: string[]): Promise<void> => {
  const child = spawn('npm', ['run', '--silent', 'shoal', '--', ...words], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const [status] = await once(child, 'exit');
  if (status !== 0) throw new Error(`shoal ${words.join(' ')} ended with ${status}`);
};

interface CloudsFile {
  readonly clouds: {
    readonly shoal: {
      readonly auth: {
        readonly auth_url: string;
        readonly username: string;
        readonly password: string;
        readonly project_name: string;
        readonly user_domain_name?: string;
        readonly project_domain_name?: string;
      };
    };
  };
}

const authenticate = async (file: string): Promise<{ token: string; account: string }> => {
  const { auth } = (parse(await readFile(file, 'utf8')) as CloudsFile).clouds.shoal;
  const answer = await fetch(`${auth.auth_url}/auth/tokens`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      auth: {
        identity: {
          methods: ['password'],
          password: {
            user: {
              name: auth.username,
              password: auth.password,
              domain: { name: auth.user_domain_name ?? 'Default' },
            },
          },
        },
        scope: {
          project: { name: auth.project_name, domain: { name: auth.project_domain_name ?? 'Default' } },
        },
      },
    }),
  });
  const body = (await answer.json()) as {
    token?: { catalog: { type: string; endpoints: { interface: string; url: string }[] }[] };
  };
  const service = body.token?.catalog.find(({ type }) => type === 'object-store');
  const account = service?.endpoints.find((endpoint) => endpoint.interface === 'public')?.url;
  const token = answer.headers.get('x-subject-token');
  if (!token || !account)
    throw new Error(`no token or no object-store endpoint: ${answer.status} ${JSON.stringify(body)}`);
  return { token, account };
};

/** What lmdb maps is the page cache's, and shrinks when others want it. */
const memoryMiBOf = async (pid: number): Promise<number> => {
  const [, kilobytes] = /^RssAnon:\s*(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) / 1_024;
};

/** Of all its threads. A tick is 10 ms on every Linux that node runs on. */
const cpuMsOf = async (pid: number): Promise<number> => {
  const stat = await readFile(`/proc/${pid}/stat`, 'latin1');
  const [userTicks, systemTicks] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 13)
    .map(Number);
  return 10 * ((userTicks ?? 0) + (systemTicks ?? 0));
};

const requester =
  (
    pool: Pool,
    asked: (method: string, path: string) => { path: string; headers: Record<string, string> },
  ): Request =>
  async (method, target, bytes) => {
    const { path, headers } = asked(method, target);
    const isWhole = bytes === undefined || bytes instanceof Uint8Array;
    const { statusCode, body } = await pool.request({
      ...{ method, path },
      headers: bytes === undefined ? headers : { ...headers, 'content-length': String(bytes.length) },
      body: isWhole ? (bytes ?? null) : Readable.from(bytes.pieces, { objectMode: false }),
    });
    let length = 0;
    let text = '';
    for await (const piece of body) {
      length += piece.length;
      if (statusCode >= 300) text += piece;
    }
    if (statusCode < 200 || statusCode >= 300)
      throw new Error(`${method} ${target}: ${statusCode} ${text.slice(0, 500)}`);
    return length;
  };

export const startCloud = async (hosts = 3): Promise<Cloud> => {
  const data = await mkdtemp(join(tmpdir(), 'shoal-bench-cloud-'));
  const down = async (): Promise<void> => {
    await shoal('dev', 'down', '--data', data).catch(() => {});
    await rm(data, { recursive: true, force: true });
  };
  try {
    const port = String(await takePorts(10 * hosts));
    await shoal('dev', 'up', '--data', data, '--hosts', String(hosts), '--port', port, '--detach');
    const { token, account } = await authenticate(join(data, 'clouds.yaml'));
    const { origin, pathname } = new URL(account);
    const pool = new Pool(origin, { connections: 64, pipelining: 1 });
    const env = parseEnv(await readFile(join(data, 's3.env'), 'utf8'));
    const s3 = new URL(env.AWS_ENDPOINT_URL ?? '');
    const s3Pool = new Pool(s3.origin, { connections: 64, pipelining: 1 });
    const key = { access: env.AWS_ACCESS_KEY_ID ?? '', secret: env.AWS_SECRET_ACCESS_KEY ?? '' };
    const pids = await Promise.all(
      Array.from({ length: hosts }, async (_, index) =>
        Number(await readFile(join(data, `shoal-${index + 1}`, 'rehearsal.pid'), 'utf8')),
      ),
    );
    return {
      url: account,
      token,
      memoryMiB: () => memoryMiBOf(pids[0] ?? 0),
      async cpuMs() {
        return (await Promise.all(pids.map(cpuMsOf))).reduce((sum, one) => sum + one, 0);
      },
      request: requester(pool, (_method, path) => ({
        path: `${pathname}${path}`,
        headers: { 'x-auth-token': token },
      })),
      requestS3: requester(s3Pool, (method, target) => {
        const [path = '', query = ''] = target.split('?');
        return { path: target, headers: signS3(key, { method, host: s3.host, path, query }) };
      }),
      async operator(path, change) {
        const answer = await fetch(`${origin}/cluster${path}`, {
          method: change?.method ?? 'GET',
          headers: { 'x-auth-token': token, 'content-type': 'application/json' },
          ...(change && { body: JSON.stringify(change.json) }),
        });
        const text = await answer.text();
        if (!answer.ok) throw new Error(`${change?.method ?? 'GET'} ${path}: ${answer.status} ${text}`);
        return text === '' ? undefined : JSON.parse(text);
      },
      shoal: (...words) => shoal(...words, '--data', data),
      async [Symbol.asyncDispose]() {
        await Promise.all([pool.destroy(), s3Pool.destroy()]);
        await down();
      },
    };
  } catch (thrown) {
    await down();
    throw thrown;
  }
};
