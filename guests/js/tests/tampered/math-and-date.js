Math.floor = Math.min = Math.max = Math.trunc = () => NaN;
Date.now = () => NaN;
Number.isNaN = () => true;
