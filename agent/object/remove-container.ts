/** Deleting a container, and what expired or was never completed in it. */
import type { Context } from './context.ts';
import { retireQueues } from './events/event-queues.ts';
import type { ObjectPath } from './name.ts';

/** Throws NOT_FOUND, CONFLICT when it is not empty. The caller may do it: that was checked before. */
export const removeContainer = async (
  { containers, objects, multiparts, records, runtime }: Context,
  { project, container }: Pick<ObjectPath, 'project' | 'container'>,
): Promise<void> => {
  const row = await containers.find(project, container);
  const id = await containers.delete(project, container);
  const retire = async (): Promise<void> => {
    const { events = [] } = row?.bucket ?? {};
    await retireQueues(records.eventQueues, id, events, [], runtime.clock.wallMs());
  };
  // The container is gone whatever happens here; what stays costs room only.
  await Promise.all([objects.clear(id), multiparts.clear(id), retire()]).catch((thrown) =>
    runtime.log.warn('what was in a container is not cleared', { id, error: String(thrown) }),
  );
};
