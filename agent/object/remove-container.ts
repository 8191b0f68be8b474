/** Deleting a container, and what expired in it. */
import type { Context } from './context.ts';
import type { ObjectPath } from './name.ts';

/** Throws NOT_FOUND, CONFLICT when it is not empty. The caller may do it: that was checked before. */
export const removeContainer = async (
  { containers, objects, runtime }: Context,
  { project, container }: Pick<ObjectPath, 'project' | 'container'>,
): Promise<void> => {
  const id = await containers.delete(project, container);
  // The container is gone whatever happens here; what stays costs room only.
  await objects
    .clear(id)
    .catch((thrown) => runtime.log.warn('expired objects not cleared', { id, error: String(thrown) }));
};
