// The webhooks put together: certificate, server, and what the API server is told of them.
import type { Clock } from '#base/clock.ts';
import type { HostPort } from '#base/flags.ts';
import type { Logger } from '#base/log.ts';
import { runTasks } from '#base/tasks.ts';
import type { AuthoritySource } from '#ca/authority-source.ts';
import type { ServerNames } from '#ca/authority.ts';
import { issueServerCertificate, runServerCertificate } from '#ca/server-certificate.ts';
import type { WebhookAddress } from './configurations.ts';
import type { WebhookCounters } from './counters.ts';
import { inject } from './inject.ts';
import type { InjectionSettings } from './plan-injection.ts';
import { publishConfigurations, type PublishOptions } from './publish.ts';
import { listenForReviews } from './server.ts';
import { validate } from './validate.ts';

export type WebhookOptions = {
  readonly listen: HostPort;
  /** Given the port that is listened on. */
  readonly address: (port: number) => WebhookAddress;
  readonly names: ServerNames;
  readonly settings: InjectionSettings;
  readonly authority: AuthoritySource;
  readonly counters: WebhookCounters;
  readonly client: PublishOptions['client'];
  readonly clock: Clock;
  /** 0 (inclusive) to 1 (exclusive). */
  readonly random: () => number;
  readonly log: Logger;
};

/** Serves until aborted. @throws OperatorError ADDRESS_IN_USE */
export async function runWebhooks(options: WebhookOptions, signal: AbortSignal): Promise<void> {
  const { listen, names, settings, authority, client, clock, random, log } = options;
  const serving = issueServerCertificate(authority.current(), names, clock.nowMs());
  const webhooks = options.counters.watch({
    inject: (request) => inject(request, settings, log),
    validate,
  });
  await using server = await listenForReviews(listen, serving.tls, webhooks);
  const common = { clock, random, log };
  const subscribe = (listener: () => void): (() => void) => authority.subscribe(listener);
  const renewal = {
    ...common,
    authority: () => authority.current(),
    subscribe,
    names,
    apply: server.setCertificate,
  };
  const publication = {
    ...common,
    client,
    subscribe,
    address: options.address(server.port),
    rootsPem: () => authority.current().trustBundlePem,
    revision: settings.revision,
  };
  await runTasks(signal, [
    (group) => runServerCertificate(serving, renewal, group),
    (group) => publishConfigurations(publication, group),
  ]);
}
