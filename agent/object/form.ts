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

export interface FormLimits {
  readonly fieldsMax: number;
  readonly fieldBytesMax: number;
  /** Default: what has a file's name or is octets. */
  readonly isFile?: (name: string) => boolean;
}

const isFileOf =
  (isFile: (name: string) => boolean) =>
  (name: string | undefined): boolean =>
    isFile(name ?? '');

const tooLong = (name: string): ShoalError =>
  new ShoalError('TOO_LARGE', `FormPost: the field ${JSON.stringify(name)} is too long`);

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
  limits: FormLimits = { fieldsMax: formFieldsMax, fieldBytesMax: formFieldBytesMax },
): AsyncGenerator<FormPart, void, undefined> {
  const found: FormPart[] = [];
  let [isDone, failure]: [boolean, unknown] = [false, undefined];
  let wake: () => void = () => undefined;
  const add = (part: FormPart): void => {
    // What comes after a part that was refused must not be taken for the whole.
    if (failure !== undefined) return;
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
      ...(limits.isFile ? { isPartAFile: isFileOf(limits.isFile) } : {}),
      limits: { fields: limits.fieldsMax, fieldSize: limits.fieldBytesMax },
      preservePath: true,
    });
  } catch (cause) {
    throw refuse(cause);
  }
  parser.on('field', (name, value, _nameIsCut, isCut) =>
    isCut ? end(tooLong(name)) : add({ kind: 'field', name, value }),
  );
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
