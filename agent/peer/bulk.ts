/**
 * Chunks and disks: HTTP/1.1 over mutual TLS, for libp2p's streams carry a sixth of it (docs/design/0002-peer.md).
 * Each side's certificate holds its host key, so the handshake proves both HostIds and the roster decides.
 */
import type { HostId } from '../../proto/ids.ts';
import type { Log } from '../runtime/ports.ts';
import type { AddressBook } from './address-book.ts';
import { startBulkClient } from './bulk-client.ts';
import { type BulkHandler, notServed, startBulkServer } from './bulk-server.ts';
import { certificateOf } from './certificate.ts';
import type { HostKey } from './host-key.ts';
import type { Bulk, BulkAnswer } from './port.ts';
import type { Roster } from './roster.ts';

export interface BulkNode extends Bulk {
  readonly port: number;
  stop(): Promise<void>;
}

async function* noBytes(): AsyncIterable<Uint8Array> {}
async function* oneOrMany(body: BulkAnswer['body']): AsyncIterable<Uint8Array> {
  if (body instanceof Uint8Array) yield body;
  else if (body) yield* body;
}

export const startBulk = async (
  world: { readonly log: Log; readonly key: HostKey; readonly roster: Roster; readonly book: AddressBook },
  settings: { readonly host: string; readonly port: number },
): Promise<BulkNode> => {
  const self: HostId = world.key.hostId;
  const handlers = new Map<string, BulkHandler>();
  const identity = {
    key: world.key.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
    certificate: certificateOf(world.key),
  };
  const server = await startBulkServer(
    { log: world.log, roster: world.roster, find: (prefix) => handlers.get(prefix) },
    { ...settings, ...identity },
  );
  const client = startBulkClient(world, identity);

  return {
    port: server.port,
    async request(to, method, path, options = {}) {
      if (to !== self) return client.request(to, method, path, options);
      const [prefix = ''] = path.split('/', 1);
      const handler = handlers.get(prefix);
      if (!handler) throw notServed(method, path);
      const answer = await handler({
        from: self,
        method,
        path: path.slice(prefix.length + 1),
        headers: options.headers ?? {},
        body: options.body ? oneOrMany(options.body) : noBytes(),
        signal: options.signal ?? new AbortController().signal,
      });
      return { headers: answer.headers ?? {}, body: oneOrMany(answer.body) };
    },
    serve(prefix, handler) {
      if (prefix.includes('/') || handlers.has(prefix))
        throw new Error(`bulk prefix ${JSON.stringify(prefix)} has a slash or is served already`);
      handlers.set(prefix, handler);
    },
    async stop() {
      await client.stop();
      await server.stop();
    },
  };
};
