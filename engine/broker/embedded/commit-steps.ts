/** The steps of a commit, in order; what is before `durable` leaves nothing behind, from `durable` on everything is there. */
export const commitSteps = ["begun", "outputs", "watermarks", "changes", "checkpoints", "durable"] as const;

/** `number` counts from 1 within one commit. A listener that throws before `durable` undoes the commit, at `durable` it loses the answer. */
export type CommitStep = { readonly number: number; readonly name: (typeof commitSteps)[number] };

export const commitStep = (name: CommitStep["name"]): CommitStep => ({ number: commitSteps.indexOf(name) + 1, name });
