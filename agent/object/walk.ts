/**
 * The order of a listing: names one by one and, below a delimiter, whole folders as one step. What lies in a
 * folder is not walked: the next page starts behind it, so a folder of a million names costs one page.
 *
 *   prefix "a/", delimiter "/":   a/1   a/b/x   a/b/y  …  a/b/zz   a/c
 *                                 name  folder a/b/ ------ skip ->  name
 */
import type { Entry, Page, TableRange } from '../table/port.ts';
import { delimitedPageRows, listingPageRows, objectNameBytesMax, pageRowsMin } from './limits.ts';

export interface WalkOptions {
  readonly prefix?: string;
  readonly delimiter?: string;
  /** Names after this one, excluded, in the direction of the walk. */
  readonly marker?: string;
  /** End, excluded. */
  readonly endMarker?: string;
  readonly reverse?: boolean;
  /** Names directly in this folder: a prefix with a delimiter that shows no folders. */
  readonly path?: string;
  /** Names that will be taken: no more are fetched at a time. Default a page. */
  readonly rows?: number;
}

export type Step<Row> =
  | { readonly kind: 'name'; readonly name: string; readonly row: Row }
  /** `row`: of the first name in it, for which it is shown. */
  | { readonly kind: 'folder'; readonly name: string; readonly row: Row };

type Range<Row> = (range: TableRange) => Promise<Page<Row>>;

const lastCharacter = '\u{10FFFF}';

/** A key that no name of at most `objectNameBytesMax` bytes below the folder sorts after. */
export const behindFolder = (folder: string): string => {
  const missingBytes = Math.max(0, objectNameBytesMax - Buffer.byteLength(folder));
  return folder + lastCharacter.repeat(Math.ceil(missingBytes / 4));
};

export async function* walk<Row>(
  range: Range<Row>,
  options: WalkOptions,
  /** What a reader may see. */
  isVisible: (row: Row) => boolean = () => true,
): AsyncGenerator<Step<Row>, void, undefined> {
  const { path, endMarker, reverse = false } = options;
  const prefix = path ? `${path.replace(/\/+$/, '')}/` : (options.prefix ?? '');
  const delimiter = path === undefined ? (options.delimiter ?? '') : '/';
  // A client that pages by folder names sends the last folder as its marker: it is not shown again.
  const seenFolder = reverse ? endMarker : options.marker;

  const folderOf = (name: string): string | undefined => {
    const at = delimiter === '' ? -1 : name.indexOf(delimiter, prefix.length);
    return at === -1 ? undefined : name.slice(0, at + delimiter.length);
  };

  const pageRows = Math.min(
    delimiter === '' ? listingPageRows : delimitedPageRows,
    Math.max(options.rows ?? listingPageRows, pageRowsMin),
  );
  let after = options.marker || undefined;
  let inside: string | undefined;
  for (;;) {
    const page: Page<Row> = await range({
      ...(after === undefined ? {} : { after }),
      ...(endMarker ? { before: endMarker } : {}),
      ...(prefix === '' ? {} : { prefix }),
      reverse,
      limit: pageRows,
    });
    for (const { sortKey: name, row } of page.entries) {
      if (inside !== undefined && name.startsWith(inside)) continue;
      inside = undefined;
      if (!isVisible(row)) continue;
      const folder = folderOf(name);
      // With `path`, an object whose own name ends in the delimiter is a name of this folder.
      if (folder === undefined || (path !== undefined && folder === name)) {
        if (path === undefined || name !== prefix) yield { kind: 'name', name, row };
        continue;
      }
      inside = folder;
      if (path === undefined && folder !== seenFolder) yield { kind: 'folder', name: folder, row };
    }
    const last: Entry<Row> | undefined = page.entries.at(-1);
    if (!page.more || !last) return;
    if (inside === undefined) after = last.sortKey;
    else after = reverse ? inside : behindFolder(inside);
  }
}
