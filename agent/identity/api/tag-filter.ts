/** Projects by their tags: `?tags=a,b&not-tags-any=c`. */
import type { ProjectRow } from '../records.ts';

/** `tags` and `not-tags` mean all of them, `tags-any` and `not-tags-any` any. */
export const matchesTags = (query: URLSearchParams) => {
  const asked = (name: string): readonly string[] | undefined => query.get(name)?.split(',');
  const [all, any, notAll, notAny] = ['tags', 'tags-any', 'not-tags', 'not-tags-any'].map(asked);
  return ({ tags }: Pick<ProjectRow, 'tags'>): boolean => {
    const has = (tag: string): boolean => tags.includes(tag);
    return (
      (!all || all.every(has)) &&
      (!any || any.some(has)) &&
      !(notAll?.every(has) ?? false) &&
      !(notAny?.some(has) ?? false)
    );
  };
};
