Object.prototype.toJSON = () => "evil";
Array.prototype.toJSON = () => "evil";
String.prototype.toJSON = () => "evil";
