import { testSeed } from "#schemas/testing/seeded-random.ts";
import { tryOwnWrites } from "#queries/testing/own-writes.ts";

// node checks/own-writes.ts [TRIES], SEED from the environment: asks for TRIES own writes while commits are delayed at random.
const tries = Number(process.argv[2] ?? 10_000);
const seed = testSeed();
console.log(`own writes: ${tries} tries, SEED=${seed}`);
const begun = performance.now();
const { missed, late } = await tryOwnWrites(tries, seed);
for (const line of [...missed.slice(0, 10), ...late.slice(0, 10)]) console.log(line);
console.log(`${missed.length} missed, ${late.length} late, ${((performance.now() - begun) / 1000).toFixed(1)} s`);
process.exitCode = missed.length + late.length === 0 ? 0 : 1;
