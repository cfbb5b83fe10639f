import { runService } from '../shared/program.ts';
import { generatorConfig, startGenerator } from './generator.ts';

await runService('generator', (env) => startGenerator(generatorConfig(env)));
