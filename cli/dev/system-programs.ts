/** Programs that compute needs and npm cannot bring. As root on Debian or Ubuntu they are installed; else named. */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const needed: Readonly<Record<string, string>> = {
  'qemu-system-x86_64': 'qemu-system-x86',
  'qemu-img': 'qemu-utils',
};

const isThere = (program: string): boolean =>
  (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });

const missing = (): string[] => Object.keys(needed).filter((program) => !isThere(program));

const apt = (args: readonly string[]): boolean =>
  spawnSync('apt-get', args, {
    stdio: ['ignore', 'ignore', 'ignore'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  }).status === 0;

export const ensureSystemPrograms = (say: (line: string) => void): void => {
  const absent = missing();
  if (absent.length === 0) return;
  const packages = absent.map((program) => needed[program] ?? program);
  if (process.getuid?.() === 0 && existsSync('/etc/debian_version') && isThere('apt-get')) {
    say(`Installing ${packages.join(' and ')} with apt, for servers ...`);
    if (!apt(['install', '-y', '-q', '--no-install-recommends', ...packages])) {
      apt(['update', '-q']);
      apt(['install', '-y', '-q', '--no-install-recommends', ...packages]);
    }
  }
  const still = missing();
  if (still.length > 0)
    say(
      `Missing: ${still.join(', ')}. Objects and images work, servers can't start. Debian and Ubuntu have them as ${still.map((program) => needed[program]).join(' ')}.`,
    );
};
