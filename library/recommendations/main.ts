import { runService } from '../shared/program.ts';
import { recommendationsConfig, startRecommendations } from './recommendations.ts';

await runService('recommendations', (env) => startRecommendations(recommendationsConfig(env)));
