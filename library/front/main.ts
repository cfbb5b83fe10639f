import { runService } from '../shared/program.ts';
import { frontConfig, startFront } from './front.ts';

await runService('front', (env) => startFront(frontConfig(env)));
