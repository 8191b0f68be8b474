/** An object service on fakes behind real HTTP, and requests to it. */
import type { ExecutionContext } from 'ava';
import type { Journal, JournalEvent } from '../../agent/journal/port.ts';
import { type ObjectSettings, type Objects, openObjects } from '../../agent/object/open-objects.ts';
import type { Tables } from '../../agent/table/port.ts';
import { fakeContent } from '../fake/content.ts';
import { fakeRuntime, fakeSignIn, startApi } from '../fake/http.ts';
import { fakeTables } from '../fake/tables.ts';

export const fakeJournal = (): Journal & { readonly events: Omit<JournalEvent, 'atMs' | 'host'>[] } => {
  const events: Omit<JournalEvent, 'atMs' | 'host'>[] = [];
  return {
    events,
    append: (event) => void events.push(event),
    read: async () => ({ records: [], next: {} }),
  };
};

export interface Call {
  readonly token?: string | null;
  readonly headers?: Record<string, string>;
  /** Without a content type of its own. */
  readonly body?: string | Uint8Array;
}

/** Owner of everything below, unless a call says otherwise. */
export const account = 'AUTH_p1';

export const serveObjects = async (
  t: ExecutionContext,
  parts: {
    readonly tables?: Tables;
    readonly content?: ReturnType<typeof fakeContent>;
    readonly wallMs?: () => number;
    readonly domainOf?: (project: string) => Promise<string | undefined>;
  } & ObjectSettings = {},
) => {
  const content = parts.content ?? fakeContent();
  const journal = fakeJournal();
  const tables = parts.tables ?? fakeTables();
  const base = fakeRuntime();
  const runtime = parts.wallMs ? { ...base, clock: { ...base.clock, wallMs: parts.wallMs } } : base;
  let objects: Objects | undefined;
  const api = await startApi((http) => {
    objects = openObjects(
      {
        runtime,
        tables,
        content,
        journal,
        http,
        sealSecret: Buffer.alloc(32, 7),
        domainOf: parts.domainOf ?? (async () => 'default'),
        signIn: fakeSignIn,
      },
      parts,
    );
  });
  t.teardown(async () => {
    await objects?.stop();
    await api.stop();
  });
  if (!objects) throw new Error('the API opens its objects before it starts');
  const storage = `${api.url}/object-store/v1/${account}`;
  return {
    api,
    content,
    journal,
    objects,
    tables,
    storage,
    /** `path` below the account, encoded already: `/cont/obj?format=json`. */
    call: (method: string, path: string, call: Call = {}): Promise<Response> =>
      fetch(path.startsWith('http') ? path : `${storage}${path}`, {
        method,
        headers: {
          ...(call.token === null ? {} : { 'X-Auth-Token': call.token ?? 'member:p1' }),
          ...call.headers,
        },
        ...(call.body === undefined ? {} : { body: Uint8Array.from(Buffer.from(call.body)) }),
      }),
  };
};

export type Served = Awaited<ReturnType<typeof serveObjects>>;
