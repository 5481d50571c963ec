BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0001');
CREATE TABLE checks (
	decision_id INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	result TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	detail TEXT NOT NULL, 
	PRIMARY KEY (decision_id, name), 
	FOREIGN KEY(decision_id) REFERENCES decisions (decision_id)
);
INSERT INTO "checks" VALUES(3,'document_read','successful','The document was read.','');
INSERT INTO "checks" VALUES(3,'comparison','failed','The faces differ.','score 0.21, threshold 0.36');
INSERT INTO "checks" VALUES(4,'document_read','successful','The document was read.','');
INSERT INTO "checks" VALUES(4,'comparison','failed','The faces differ.','score 0.21, threshold 0.36');
INSERT INTO "checks" VALUES(8,'document_read','successful','The document was read.','');
INSERT INTO "checks" VALUES(8,'comparison','failed','The faces differ.','score 0.21, threshold 0.36');
INSERT INTO "checks" VALUES(9,'document_read','successful','The document was read.','');
INSERT INTO "checks" VALUES(9,'comparison','failed','The faces differ.','score 0.21, threshold 0.36');
CREATE TABLE decisions (
	decision_id INTEGER NOT NULL, 
	passage_id TEXT NOT NULL, 
	decided TEXT NOT NULL, 
	admit BOOLEAN NOT NULL, 
	officer TEXT, 
	action TEXT, 
	reason TEXT, 
	PRIMARY KEY (decision_id), 
	CONSTRAINT officer_gives_reason CHECK ((officer IS NULL) = (action IS NULL) AND (officer IS NULL) = (reason IS NULL)), 
	FOREIGN KEY(decision_id) REFERENCES journal (seq), 
	FOREIGN KEY(passage_id) REFERENCES passages (passage_id)
);
INSERT INTO "decisions" VALUES(3,'kept-0','2026-11-23T12:00:02.100000+00:00',0,NULL,NULL,NULL);
INSERT INTO "decisions" VALUES(4,'kept-0','2026-11-23T12:00:02.800000+00:00',1,'o.sipka','admit','New beard — compared by eye');
INSERT INTO "decisions" VALUES(8,'kept-1','2026-11-23T12:00:05.600000+00:00',0,NULL,NULL,NULL);
INSERT INTO "decisions" VALUES(9,'kept-1','2026-11-23T12:00:06.300000+00:00',1,'o.sipka','admit','New beard — compared by eye');
CREATE TABLE journal (
	seq INTEGER NOT NULL, 
	prev_hash BLOB NOT NULL, 
	hash BLOB NOT NULL, 
	wall TEXT NOT NULL, 
	monotonic FLOAT NOT NULL, 
	boot_id TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	payload TEXT NOT NULL, 
	PRIMARY KEY (seq)
);
INSERT INTO "journal" VALUES(1,X'0000000000000000000000000000000000000000000000000000000000000000',X'4209DB20DCAF43A62F90E0D4C75A43CFC66266E22A6042FF14185AC950B66E26','2026-11-23T12:00:00.700000+00:00',0.7,'kept-0001','passage_started','{"pack_id":"pypi-dlib","passage_id":"kept-0","simulated":true,"topology":"mantrap"}');
INSERT INTO "journal" VALUES(2,X'4209DB20DCAF43A62F90E0D4C75A43CFC66266E22A6042FF14185AC950B66E26',X'95A97FC87BCC961C8CE4DB5A3C3249FD865E05A41D38CD70FF52C8A0BA25C975','2026-11-23T12:00:01.400000+00:00',1.4,'kept-0001','document_read','{"passage_id":"kept-0","seconds":0.30000000000000004,"source":"reader"}');
INSERT INTO "journal" VALUES(3,X'95A97FC87BCC961C8CE4DB5A3C3249FD865E05A41D38CD70FF52C8A0BA25C975',X'F99C37FEB54324C934A6C2107CD7A0039FFBB4CD9BF72B258AF825359B2E602C','2026-11-23T12:00:02.100000+00:00',2.09999999999999964472e+00,'kept-0001','decision_made','{"action":null,"admit":false,"checks":[{"detail":"","name":"document_read","reason":"The document was read.","result":"successful"},{"detail":"score 0.21, threshold 0.36","name":"comparison","reason":"The faces differ.","result":"failed"}],"officer":null,"passage_id":"kept-0","reason":null}');
INSERT INTO "journal" VALUES(4,X'F99C37FEB54324C934A6C2107CD7A0039FFBB4CD9BF72B258AF825359B2E602C',X'2DACE0EB036DA12674328C78E88F32AAF0808ED417FAD4543CE2A3C34EB9A17A','2026-11-23T12:00:02.800000+00:00',2.8,'kept-0001','decision_made','{"action":"admit","admit":true,"checks":[{"detail":"","name":"document_read","reason":"The document was read.","result":"successful"},{"detail":"score 0.21, threshold 0.36","name":"comparison","reason":"The faces differ.","result":"failed"}],"officer":"o.sipka","passage_id":"kept-0","reason":"New beard \u2014 compared by eye"}');
INSERT INTO "journal" VALUES(5,X'2DACE0EB036DA12674328C78E88F32AAF0808ED417FAD4543CE2A3C34EB9A17A',X'C3DEA4A88700A8F7DF670E7F4C8E40F0157976521002CF71E92B29D89F7B81B4','2026-11-23T12:00:03.500000+00:00',3.5,'kept-0001','passage_ended','{"outcome":"admitted_by_officer","passage_id":"kept-0"}');
INSERT INTO "journal" VALUES(6,X'C3DEA4A88700A8F7DF670E7F4C8E40F0157976521002CF71E92B29D89F7B81B4',X'58ACF98835CB58B5E8EE79B51D70411415B70724C36874A247DF1C53FD399597','2026-11-23T12:00:04.200000+00:00',4.2,'kept-0001','passage_started','{"pack_id":"pypi-dlib","passage_id":"kept-1","simulated":true,"topology":"mantrap"}');
INSERT INTO "journal" VALUES(7,X'58ACF98835CB58B5E8EE79B51D70411415B70724C36874A247DF1C53FD399597',X'6028E4C99C4AFD80747E7D6F3918A37F41B78F41DF94DD7E59F3E36B57763531','2026-11-23T12:00:04.900000+00:00',4.9,'kept-0001','document_read','{"passage_id":"kept-1","seconds":0.30000000000000004,"source":"reader"}');
INSERT INTO "journal" VALUES(8,X'6028E4C99C4AFD80747E7D6F3918A37F41B78F41DF94DD7E59F3E36B57763531',X'F3937B652FA4EFEF2A5EBEA9EE0FA9067CDB2AE24F0C4BBE832C2CA8E0E08C5F','2026-11-23T12:00:05.600000+00:00',5.6000000000000005329e+00,'kept-0001','decision_made','{"action":null,"admit":false,"checks":[{"detail":"","name":"document_read","reason":"The document was read.","result":"successful"},{"detail":"score 0.21, threshold 0.36","name":"comparison","reason":"The faces differ.","result":"failed"}],"officer":null,"passage_id":"kept-1","reason":null}');
INSERT INTO "journal" VALUES(9,X'F3937B652FA4EFEF2A5EBEA9EE0FA9067CDB2AE24F0C4BBE832C2CA8E0E08C5F',X'029F02EFF57A5F1BB98525D2EB0BFB1897C00B6AC1B03745BCE0502D3BA8DCC5','2026-11-23T12:00:06.300000+00:00',6.30000000000000071054e+00,'kept-0001','decision_made','{"action":"admit","admit":true,"checks":[{"detail":"","name":"document_read","reason":"The document was read.","result":"successful"},{"detail":"score 0.21, threshold 0.36","name":"comparison","reason":"The faces differ.","result":"failed"}],"officer":"o.sipka","passage_id":"kept-1","reason":"New beard \u2014 compared by eye"}');
INSERT INTO "journal" VALUES(10,X'029F02EFF57A5F1BB98525D2EB0BFB1897C00B6AC1B03745BCE0502D3BA8DCC5',X'512BAF3E03EA1FBA8327873AAF814806BE731388324205D31D9FF25036BCA81C','2026-11-23T12:00:07.000000+00:00',7.00000000000000088817e+00,'kept-0001','passage_ended','{"outcome":"admitted_by_officer","passage_id":"kept-1"}');
INSERT INTO "journal" VALUES(11,X'512BAF3E03EA1FBA8327873AAF814806BE731388324205D31D9FF25036BCA81C',X'64569EDA850B3E9AA27F9415247DCD873CD586B4F0F69D7D852D84AE5C3DAE4E','2026-11-23T12:00:07.000000+00:00',7.00000000000000088817e+00,'kept-0001','passage_started','{"pack_id":"open-omz","passage_id":"left-open","simulated":false,"topology":"turnstile"}');
INSERT INTO "journal" VALUES(12,X'64569EDA850B3E9AA27F9415247DCD873CD586B4F0F69D7D852D84AE5C3DAE4E',X'CB17E63B8EFB523D0CB322F1DA5CCCA1A13E3A30191FB7C585682C622E93B86C','2026-11-23T12:00:07.000000+00:00',7.00000000000000088817e+00,'kept-0001','event','{"x":[1,0.1,null,true,"\u00e9"]}');
CREATE TABLE passages (
	passage_id TEXT NOT NULL, 
	started TEXT NOT NULL, 
	ended TEXT, 
	outcome TEXT, 
	topology TEXT NOT NULL, 
	pack_id TEXT NOT NULL, 
	simulated BOOLEAN NOT NULL, 
	PRIMARY KEY (passage_id), 
	CONSTRAINT ended_with_outcome CHECK ((ended IS NULL) = (outcome IS NULL))
);
INSERT INTO "passages" VALUES('kept-0','2026-11-23T12:00:00.700000+00:00','2026-11-23T12:00:03.500000+00:00','admitted_by_officer','mantrap','pypi-dlib',1);
INSERT INTO "passages" VALUES('kept-1','2026-11-23T12:00:04.200000+00:00','2026-11-23T12:00:07.000000+00:00','admitted_by_officer','mantrap','pypi-dlib',1);
INSERT INTO "passages" VALUES('left-open','2026-11-23T12:00:07.000000+00:00',NULL,NULL,'turnstile','open-omz',0);
CREATE TRIGGER journal_refuses_update BEFORE UPDATE ON journal BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER journal_refuses_delete BEFORE DELETE ON journal BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE INDEX passages_unfinished ON passages (ended);
CREATE INDEX ix_decisions_passage_id ON decisions (passage_id);
COMMIT;
