/** Lines of a log become an object. */
import { ShoalError } from '../../../proto/error.ts';
import { newHexId } from '../../../proto/ids.ts';
import { type Context, placeOf } from '../context.ts';
import { accountKey } from '../records.ts';
import { storeInto } from '../store-object.ts';
import { logName } from './log-name.ts';
import { mayDeliver } from './may-deliver.ts';
import type { Log } from './spool.ts';

/**
 * Does nothing where nobody wants them any more: the bucket is gone or has no log. Throws FORBIDDEN, NOT_FOUND where the target does not
 * take them, and what an upload throws.
 */
export const deliverLog = async (
  context: Context,
  { id, project, bucket, day }: Log,
  text: string,
  { region }: { readonly region: string },
): Promise<void> => {
  const { containers, records, runtime } = context;
  const source = await containers.find(project, bucket);
  const logging = source?.id === id ? source.bucket?.logging : undefined;
  if (!logging) return;
  const container = await containers.find(project, logging.bucket);
  if (!container) throw new ShoalError('NOT_FOUND', `Cannot deliver to "${logging.bucket}": it is gone`);
  const nowMs = runtime.clock.wallMs();
  const unique = newHexId().slice(0, 16).toUpperCase();
  const key = logName(logging, { project, region, bucket }, { day, atMs: nowMs, unique });
  const { prefix } = logging;
  if (!mayDeliver(container, { project, source: bucket, target: logging.bucket, prefix, key, nowMs }))
    throw new ShoalError('FORBIDDEN', `Cannot deliver to "${logging.bucket}": it does not let logs in`);
  const bytes = Buffer.from(text);
  const target = {
    place: placeOf({ project, container: logging.bucket, object: key }, container),
    container,
    account: await records.accounts.get(project, accountKey),
  };
  await storeInto(context, target, {
    source: (async function* () {
      yield bytes;
    })(),
    bytes: bytes.length,
    facts: {
      ...{ contentType: 'text/plain', kept: {}, metadata: {}, deleteAtSeconds: null },
      grants: logging.grants,
    },
    signal: new AbortController().signal,
  });
};
