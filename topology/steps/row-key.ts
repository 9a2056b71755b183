import { compileExpression, type Expression, type Scope } from "../expressions/compile-expression.ts";
import { typeName } from "../expressions/expression-type.ts";
import type { Text } from "../parse/syntax.ts";
import { isKeyType } from "../streams/key-text.ts";

/** Expressions that name a row among others. */
export function rowKey(texts: readonly Text[], scope: Scope): readonly Expression[] {
  return texts.map((text) => {
    const expression = compileExpression(text, scope);
    if (expression.type.kind !== "unknown" && !isKeyType(expression.type)) {
      scope.report(
        "TOPOLOGY_EXPRESSION_TYPE",
        text.place,
        `a row is named by string, int, boolean or timestamp, not ${typeName(expression.type)}`,
      );
    }
    return expression;
  });
}
