// Who calls, as far as it decides what a name means: its namespace says what it may see and which
// rules are for it, its labels which of the rules that select workloads.

export type Client = {
  readonly namespace: string;
  /** Empty where no rule tells the workloads of the namespace apart. */
  readonly labels: Readonly<Record<string, string>>;
};
