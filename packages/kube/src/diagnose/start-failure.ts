import type { Diagnosis } from '@runner/executor';
import { sentence } from './cluster-text.ts';

const STARTS: readonly (readonly [pattern: RegExp, diagnosis: Omit<Diagnosis, 'permanent'>])[] = [
  [
    /exec format error/,
    {
      category: 'image',
      code: 'image_wrong_platform',
      message: 'The program of the image is made for another processor than that of the node.',
      hint: 'Use an image for that architecture, or place the runs on other nodes with nodeSelector kubernetes.io/arch.',
    },
  ],
  [
    /argument list too long/,
    {
      category: 'configuration',
      code: 'environment_too_large',
      message: 'The environment of the run is larger than the system of the node allows.',
      hint: 'Shorten the extra environment variables.',
    },
  ],
  [
    /executable file not found|exec: .*no such file or directory|no such file or directory: unknown.*exec/,
    {
      category: 'program',
      code: 'program_not_found',
      message: 'The image does not have the program of the run.',
      hint: 'Check that INGESTION_IMAGE is an ingestion image: it must have python and the files main.py and run_automation.py in its working directory.',
    },
  ],
  [
    /permission denied/,
    {
      category: 'program',
      code: 'program_not_executable',
      message: 'The program of the run may not be executed by the user of the pod.',
      hint: 'Check the file modes inside the image; pods run as user 1000, on OpenShift as a user of the namespace.',
    },
  ],
  [
    /no space left on device/,
    {
      category: 'disk',
      code: 'node_disk_full',
      message: 'The node has no disk space to start the container.',
      hint: 'Free disk space on the node, or give it a larger disk.',
    },
  ],
];

/** Why the runtime could not start the program, from its message. */
export function startFailure(text: string): Diagnosis {
  const known = STARTS.find(([pattern]) => pattern.test(text))?.[1];
  if (known !== undefined) return { ...known, permanent: true };
  return {
    category: 'program',
    code: 'program_not_started',
    message: sentence('The container could not be started', text),
    hint: 'See kubectl describe pod.',
    permanent: true,
  };
}
