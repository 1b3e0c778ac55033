// A lint rule: numbers on a circle have no order that `<` knows. RFC 9293 §3.4 for sequence numbers; any branded number
// that wraps may be named in the options. TypeScript allows `a < b` on two of them, and it is right until one wraps.

const ORDER = new Set(['<', '<=', '>', '>=']);
const ARITHMETIC = new Set(['+', '-', '+=', '-=']);

/** @type {import('eslint').Rule.RuleModule} */
export default {
  meta: {
    type: 'problem',
    docs: { description: 'forbid linear comparison and arithmetic on numbers that wrap' },
    schema: [
      {
        type: 'object',
        properties: {
          /** Names of the branded types. */
          types: { type: 'array', items: { type: 'string' } },
          /** Where their own arithmetic lives, for the message. */
          home: { type: 'string' },
        },
        required: ['types', 'home'],
        additionalProperties: false,
      },
    ],
    messages: {
      order: '`{{operator}}` does not order {{name}}: it wraps. Compare with the functions of {{home}}.',
      arithmetic: '`{{operator}}` leaves the circle of {{name}}. Reckon with the functions of {{home}}.',
    },
  },

  create(context) {
    const { types, home } = context.options[0];
    const services = context.sourceCode.parserServices;
    const checker = services.program.getTypeChecker();

    /** The name of the circular type that `type` is, or may be; undefined when it is none. */
    function circular(type) {
      if (types.includes(type.aliasSymbol?.name)) return type.aliasSymbol.name;
      if (type.isUnionOrIntersection()) return first(type.types);
      const constraint = checker.getBaseConstraintOfType(type);
      return constraint === undefined || constraint === type ? undefined : circular(constraint);
    }

    function first(all) {
      for (const type of all) {
        const name = circular(type);
        if (name !== undefined) return name;
      }
      return undefined;
    }

    const isText = (type) => checker.typeToString(checker.getBaseTypeOfLiteralType(type)) === 'string';

    /** One circular operand is enough: `seq + 1` and `seq < 0` are as wrong as `seq < other`. */
    function check(node, operator, operands) {
      const messageId = ORDER.has(operator) ? 'order' : 'arithmetic';
      const operandTypes = operands.map((operand) => services.getTypeAtLocation(operand));
      const name = first(operandTypes);
      if (name === undefined) return;
      if (operator === '+' && operandTypes.some(isText)) return; // words about a number
      context.report({ node, messageId, data: { operator, name, home } });
    }

    return {
      BinaryExpression(node) {
        if (ORDER.has(node.operator) || ARITHMETIC.has(node.operator)) {
          check(node, node.operator, [node.left, node.right]);
        }
      },
      AssignmentExpression(node) {
        if (ARITHMETIC.has(node.operator)) check(node, node.operator, [node.left, node.right]);
      },
      UpdateExpression(node) {
        const operator = node.operator === '++' ? '+' : '-';
        check(node, operator, [node.argument]);
      },
      'CallExpression[callee.object.name="Math"][callee.property.name=/^(max|min)$/]'(node) {
        const operands = node.arguments.filter((argument) => argument.type !== 'SpreadElement');
        if (operands.length > 0) check(node, '<', operands);
      },
    };
  },
};
