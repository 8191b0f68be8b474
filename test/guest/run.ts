/** Runs a program to its end; a failure shows what it said. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const exec = promisify(execFile);

export const run = async (
  program: string,
  args: readonly string[],
  options: { readonly cwd?: string } = {},
): Promise<string> => {
  const { stdout } = await exec(program, [...args], {
    ...options,
    maxBuffer: 16 * 1024 * 1024,
    // mke2fs and sfdisk live where an ordinary user's PATH does not look.
    env: {
      ...process.env,
      PATH: `${process.env.PATH}:/usr/sbin:/sbin`,
      LC_ALL: 'C',
      DEBIAN_FRONTEND: 'noninteractive',
    },
  });
  return stdout;
};
