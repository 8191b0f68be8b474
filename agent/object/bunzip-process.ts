/** Program of a bunzip child: bzip2 in, what was in it out. Exit status 1 at damage. */
import { pipeline } from 'node:stream';
import bunzip from 'unbzip2-stream';

pipeline(process.stdin, bunzip(), process.stdout, (failure) => {
  if (failure) process.exitCode = 1;
});
