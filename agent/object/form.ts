/** A `multipart/form-data` body as its parts, in order, files as streams: nothing of a file is kept. */
import { once } from 'node:events';
import { Busboy, type BusboyInstance } from '@fastify/busboy';
import { ShoalError } from '../../proto/error.ts';
import { formFieldBytesMax, formFieldsMax } from './limits.ts';

export type FormPart =
  | { readonly kind: 'field'; readonly name: string; readonly value: string }
  | {
      readonly kind: 'file';
      readonly field: string;
      readonly name: string;
      readonly type: string;
      readonly body: AsyncIterable<Uint8Array>;
      /** Reads on without keeping anything. */
      skip(): void;
    };

const refuse = (cause: unknown): ShoalError =>
  cause instanceof ShoalError
    ? cause
    : new ShoalError('BAD_REQUEST', `FormPost: ${cause instanceof Error ? cause.message : cause}`, { cause });

/**
 * A file must be read, or skipped, before the next part is asked for.
 * Throws BAD_REQUEST on what is no form, and what the source throws.
 */
export async function* formParts(
  source: AsyncIterable<Uint8Array>,
  contentType: string,
): AsyncGenerator<FormPart, void, undefined> {
  const found: FormPart[] = [];
  let [isDone, failure]: [boolean, unknown] = [false, undefined];
  let wake: () => void = () => undefined;
  const add = (part: FormPart): void => {
    found.push(part);
    wake();
  };
  const end = (thrown?: unknown): void => {
    failure ??= thrown;
    isDone = true;
    wake();
  };
  let parser: BusboyInstance;
  try {
    parser = new Busboy({
      headers: { 'content-type': contentType },
      limits: { fields: formFieldsMax, fieldSize: formFieldBytesMax },
      preservePath: true,
    });
  } catch (cause) {
    throw refuse(cause);
  }
  parser.on('field', (name, value) => add({ kind: 'field', name, value }));
  parser.on('file', (field, body, name, _encoding, type) =>
    add({ kind: 'file', field, name: name ?? '', type, body, skip: () => void body.resume() }),
  );
  parser.on('finish', () => end());
  parser.on('error', end);
  const stop = new AbortController();
  const feed = async (): Promise<void> => {
    for await (const piece of source) {
      if (stop.signal.aborted) return;
      if (!parser.write(Buffer.from(piece))) await once(parser, 'drain', { signal: stop.signal });
    }
    parser.end();
  };
  void feed().catch((thrown) => {
    end(thrown);
    parser.destroy(thrown);
  });
  try {
    for (;;) {
      const part = found.shift();
      if (part) yield part;
      else if (failure !== undefined) throw refuse(failure);
      else if (isDone) return;
      else
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
    }
  } finally {
    stop.abort();
  }
}
