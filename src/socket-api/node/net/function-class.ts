// Node's `Socket` and `Server` are functions from before `class`: they may be called without `new`, and on an object that
// somebody else has made (`net.Socket.call(this)`, `util.inherits`). Programs do both.

type AnyClass = abstract new (...args: never[]) => object;

/** Give `made`, a constructor function, the methods of `methods`, on top of `base`. */
export function inherit(made: object, base: AnyClass, methods: AnyClass): void {
  Object.setPrototypeOf(made, base);
  const descriptors = Object.getOwnPropertyDescriptors(methods.prototype as object) as Record<PropertyKey, PropertyDescriptor>;
  for (const key of Reflect.ownKeys(descriptors)) {
    // As an assignment to the prototype makes them.
    if (typeof key === 'string') descriptors[key]!.enumerable = true;
  }
  const constructor: PropertyDescriptor = { value: made, enumerable: false, configurable: true, writable: true };
  Object.assign(made, { prototype: Object.create(base.prototype as object, Object.assign(descriptors, { constructor })) as object });
}
