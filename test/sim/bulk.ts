/** The `Bulk` port as requests of the virtual network: a body of many pieces on a real wire is one message here. */
import type { Bulk, BulkAnswer, BulkRequest, Rpc } from '../../agent/peer/port.ts';
import { ShoalError } from '../../proto/error.ts';

interface Ask {
  readonly method: BulkRequest['method'];
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}
interface Answer {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

async function* piece(bytes: Uint8Array): AsyncGenerator<Uint8Array, void> {
  if (bytes.length > 0) yield bytes;
}
const whole = async (body: BulkAnswer['body']): Promise<Uint8Array> => {
  if (!body || body instanceof Uint8Array) return body ?? new Uint8Array();
  const pieces: Uint8Array[] = [];
  for await (const each of body) pieces.push(Uint8Array.from(each));
  return Buffer.concat(pieces);
};

/** `said`: what of a body goes out. */
export const simBulk = (rpc: Rpc, said: (body: Uint8Array) => Uint8Array = (body) => body): Bulk => {
  const served = new Map<string, Parameters<Bulk['serve']>[1]>();
  rpc.handle('bulk', async (from, asked, signal): Promise<Answer> => {
    const { method, path, headers, body } = asked as Ask;
    const [prefix = ''] = path.split('/', 1);
    const handler = served.get(prefix);
    if (!handler) throw new ShoalError('NOT_IMPLEMENTED', `Cannot serve ${path}`);
    const rest = path.slice(prefix.length + 1);
    const answer = await handler({ from, method, path: rest, headers, body: piece(body), signal });
    const bytes = said(await whole(answer.body));
    return { headers: { ...answer.headers, 'content-length': String(bytes.length) }, body: bytes };
  });
  return {
    async request(to, method, path, { headers = {}, body, timeoutMs, signal } = {}) {
      const ask: Ask = { method, path, headers, body: said(await whole(body)) };
      const options = { ...(timeoutMs ? { timeoutMs } : {}), ...(signal ? { signal } : {}) };
      const answer = (await rpc.request(to, 'bulk', ask, options)) as Answer;
      return { headers: answer.headers, body: piece(answer.body) };
    },
    serve: (prefix, handler) => void served.set(prefix, handler),
  };
};
