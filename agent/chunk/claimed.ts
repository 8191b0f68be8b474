/** What makes the row of an upload that was claimed. */
import type { Log } from '../runtime/ports.ts';
import type { ContentStore } from './port.ts';

/** The row stands when `work` resolves; when it throws nobody knows, and the upload is over all the same. */
export const claimed = async <T>(
  { content, log }: { readonly content: ContentStore; readonly log: Log },
  user: string,
  work: () => Promise<T>,
): Promise<T> => {
  try {
    const done = await work();
    // Nobody waits for it.
    content.keep(user).catch((thrown) => log.info('an upload is looked at again', { user, thrown }));
    return done;
  } catch (thrown) {
    content.end(user);
    throw thrown;
  }
};
