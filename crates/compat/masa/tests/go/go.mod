module sealwork.test/masa-oracle

go 1.21
